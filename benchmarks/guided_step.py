"""One guided step of Danqing and of the original programs, alternating in one process: seconds, memory, share of the peak.

    python -m benchmarks.guided_step --peer PEER --size 512x512 --cuts 16 --batches 4 --json
    python -m benchmarks.guided_step --peer PEER --dtype bfloat16 --json
    python -m benchmarks.guided_step --model small --size 64x64 --cuts 4 --batches 1

Both have the same made-up weights, picture and number of cuts; benchmarks/baseline/peer.py says how to install the peer. The
picture means nothing, what it costs does. `cutouts`, `clip_forward`, `clip_backward` and `losses` are of one batch of cuts,
`whole` is one step of DDIM with all of them. `ratio` is the peer's time through ours. The roof is how fast this machine
multiplies large matrices in the same precision. With --json the last line is one JSON object.
"""

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.baseline.danqing import Danqing
from benchmarks.baseline.disco_diffusion import DiscoDiffusion, find_baseline
from benchmarks.baseline.profiler import Cost, count_gflop, matmul_gflops, measure
from benchmarks.baseline.workload import LOSSES, PARTS, SHAPES, WHOLE, Program, Workload, make_workload

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
COMPARED = ("unet", "secondary", "clip_forward")
"""Deterministic parts, whose results agree up to rounding."""


@dataclass(frozen=True)
class Row:
    """One part: cost in either program, arithmetic, and relative L2 distance of the results."""

    ours: Cost
    peer: Cost | None
    gflop: float
    apart: float | None

    def plain(self, roof: tuple[float, float]) -> dict[str, float | None]:
        """Return the row as JSON values, with the share of the peak by wall-clock and by processor time."""
        ours, peer = self.ours, self.peer
        return {
            "ours_s": ours.seconds,
            "peer_s": peer and peer.seconds,
            "ratio": peer and peer.seconds / ours.seconds,
            "ours_cpu_s": ours.cpu_seconds,
            "peer_cpu_s": peer and peer.cpu_seconds,
            "cpu_ratio": peer and peer.cpu_seconds / max(ours.cpu_seconds, 1e-9),
            "ours_mib": ours.peak_mib,
            "peer_mib": peer and peer.peak_mib,
            "gflop": self.gflop,
            "roof_share": self.gflop / ours.seconds / roof[0],
            "cpu_roof_share": self.gflop / max(ours.cpu_seconds, 1e-9) / roof[1],
            "apart": self.apart,
        }


def arithmetic(workload: Workload) -> dict[str, float]:
    """Return the GFLOP of each part, counted on the meta device; losses have none."""
    width, height = workload.size
    empty = make_workload(
        workload.shapes,
        size=(width, height),
        cuts=workload.cuts,
        batches=workload.batches,
        device=torch.device("meta"),
        weights=False,
    )
    program = Danqing(empty, torch.float32)
    found = {part: count_gflop(getattr(program, part)) for part in PARTS if part != LOSSES} | {LOSSES: 0.0}
    once = found["unet"] + found["secondary"]
    found[WHOLE] = once + workload.batches * sum(found[part] for part in PARTS[2:])
    return found


def compare(programs: Sequence[Program], workload: Workload, parts: Sequence[str], repeat: int) -> dict[str, Row]:
    """Run every part `repeat` times, alternating the programs, and return the shortest time of each."""
    gflop = arithmetic(workload)
    rows: dict[str, Row] = {}
    for _ in range(repeat):
        for part in parts:
            found = [measure(getattr(program, part), workload.device) for program in programs]
            costs = [cost for cost, _ in found]
            if part in rows:
                old = rows[part]
                costs = [cost.least(was) for cost, was in zip(costs, (old.ours, old.peer), strict=False) if was]
            apart = _apart(*(done for _, done in found)) if len(found) == 2 and part in COMPARED else None
            rows[part] = Row(costs[0], costs[1] if len(costs) == 2 else None, gflop[part], apart)
            _show(part, rows[part])
    return rows


def _apart(ours: Tensor, theirs: Tensor) -> float:
    ours, theirs = ours.detach().float(), theirs.detach().float()
    return float(((ours - theirs).square().sum() / theirs.square().sum()).sqrt())


def _show(part: str, row: Row) -> None:
    def cell(cost: Cost | None) -> str:
        if cost is None:
            return f"{'-':>28}"
        peak = "" if cost.peak_mib is None else f"{cost.peak_mib:8.0f} MiB"
        return f"{cost.seconds:8.3f} s {cost.cpu_seconds:8.3f} cpu {peak}"

    ratio = f"{row.peer.cpu_seconds / max(row.ours.cpu_seconds, 1e-9):6.2f}x" if row.peer else ""
    print(f"{part:<14} ours {cell(row.ours)}   peer {cell(row.peer)} {ratio}", flush=True)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guided_step",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", choices=SHAPES, default="full", help="shapes of the networks; small is for a quick look"
    )
    parser.add_argument("--size", type=_size, default=(512, 512))
    parser.add_argument("--cuts", type=int, default=16, help="in each batch; a quarter of them are random squares")
    parser.add_argument("--batches", type=int, default=4, help="batches of cuts in a whole step")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of our networks; the peer chooses its own")
    parser.add_argument(
        "--compile", action="store_true", help="our networks through torch.compile; needs a C++ compiler"
    )
    parser.add_argument("--peer", type=Path, help="folder with the peer's packages, if they are not installed")
    parser.add_argument("--part", action="append", choices=(*PARTS, WHOLE), help="only this; repeatable")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each part, of which the fastest counts")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--markdown", action="store_true", help="the table as it stands in docs/performance.md")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser.parse_args()


def main() -> None:
    """Build both programs, measure and print."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    device, dtype = torch.device(options.device), DTYPES[options.dtype]
    workload = make_workload(
        SHAPES[options.model], size=options.size, cuts=options.cuts, batches=options.batches, device=device
    )
    programs: list[Program] = [Danqing(workload, dtype, compiled=options.compile)]
    if find_baseline(options.peer):
        programs.append(DiscoDiffusion(workload))
    else:
        print(
            "The peer is not installed: only this program is measured (benchmarks/baseline/peer.py says how to install it)."
        )
    parts = options.part or (*PARTS, WHOLE)
    if "clip_forward" not in parts and {"clip_backward", LOSSES} & set(parts):
        parts = ["clip_forward", *parts]  # they go on from what it has seen
    rows = compare(programs, workload, parts, options.repeat)
    roof = matmul_gflops(device, dtype)
    result = {
        "model": options.model,
        "size": "x".join(map(str, options.size)),
        "cuts": options.cuts,
        "batches": options.batches,
        "device": str(device),
        "dtype": options.dtype,
        "compile": options.compile,
        "peer": len(programs) == 2,
        "machine": _machine(device),
        "roof_gflops": roof[0],
        "cpu_roof_gflops": roof[1],
        "parts": {part: row.plain(roof) for part, row in rows.items()},
    }
    print(f"roof {roof[0]:.0f} GFLOP/s ({roof[1]:.0f} by processor time)")
    if options.markdown:
        print(markdown(rows, roof))
    if options.json:
        print(json.dumps(result))


def markdown(rows: Mapping[str, Row], roof: tuple[float, float]) -> str:
    """Return a Markdown table: wall-clock seconds, in brackets processor time."""

    def cell(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    lines = [
        "| part | ours s | peer s | ratio | ours MiB | peer MiB | GFLOP | roof |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part, row in rows.items():
        p = row.plain(roof)
        ours = f"{cell(p['ours_s'], '.3g')} ({cell(p['ours_cpu_s'], '.3g')})"
        peer = f"{cell(p['peer_s'], '.3g')} ({cell(p['peer_cpu_s'], '.3g')})" if row.peer else ""
        ratio = f"{cell(p['ratio'], '.2f')} ({cell(p['cpu_ratio'], '.2f')})" if row.peer else ""
        sizes = f"{cell(p['ours_mib'], '.0f')} | {cell(p['peer_mib'], '.0f')} | {cell(p['gflop'], '.0f')}"
        share = f"{cell(p['roof_share'], '.0%')} ({cell(p['cpu_roof_share'], '.0%')})"
        lines.append(f"| {part} | {ours} | {peer} | {ratio} | {sizes} | {share} |")
    return "\n".join(lines)


def _machine(device: torch.device) -> dict[str, object]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load": load,
        "torch": torch.__version__,
    }


def _processor() -> str:
    """Return the processor's name from /proc, otherwise its architecture."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    main()
