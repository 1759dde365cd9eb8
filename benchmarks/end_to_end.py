"""Whole pictures by the embedded model: seconds from the shell, with the model loaded, and per step.

    python -m benchmarks.end_to_end --json
    python -m benchmarks.end_to_end --curve steps --curve size --curve batch_size --curve cuts --repeat 3 --json

`shell` is `danqing draw` from the command to its end, everything included: start-up, loading, previews, animation. `warm`
paints the same in this process with the model loaded, and writes nothing. `cpu_s` is processor time, all threads together;
on a machine with other work on it only that one means much. A curve changes one knob and leaves the others as they are.
With --json the last line is one JSON object.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.painted import read_knobs
from danqing.api import load
from danqing.events import Failed, Stepped
from danqing.pipeline import Pipeline
from danqing.request import read_request

SENTENCE = "孤舟蓑笠翁，独钓寒江雪"
CURVES: dict[str, tuple[Mapping[str, Any], ...]] = {
    "steps": tuple({"steps": steps} for steps in (10, 20, 40, 60)),
    "size": tuple({"size": size} for size in ("128x128", "192x128", "256x128", "256x256", "384x256")),
    "batch_size": tuple({"batch_size": count} for count in (1, 2, 4, 8)),
    "cuts": tuple({"cut_overview": n - n // 2, "cut_innercut": n // 2} for n in (2, 4, 8, 16)),
    "cutn_batches": tuple({"cutn_batches": count} for count in (1, 2, 4)),
    "guidance": ({"clip_guidance_scale": 0}, *({"guide_through": way} for way in ("estimate", "secondary", "unet"))),
    "dtype": ({"dtype": "float32"}, {"dtype": "bfloat16"}),
}


@dataclass(frozen=True)
class Painting:
    """Cost of one request.

    pictures, steps: how many, all stages of a picture counted.
    seconds, cpu_seconds: of all pictures, from the request to the last event, loading left out.
    step_seconds: of processor time, for one step of one picture.
    """

    knobs: Mapping[str, Any]
    pictures: int
    steps: int
    seconds: float
    cpu_seconds: float

    @property
    def step_seconds(self) -> float:
        """Return the processor time of one step of one picture."""
        return self.cpu_seconds / self.steps / self.pictures


def paint(pipeline: Pipeline, knobs: Mapping[str, Any]) -> Painting:
    """Paint once in this process."""
    request = read_request({"prompts": SENTENCE, "seed": 1, **knobs})
    wall, processor = time.perf_counter(), time.process_time()
    events = list(pipeline.run(request))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    assert not isinstance(events[-1], Failed), events[-1]
    steps = sum(isinstance(event, Stepped) for event in events)
    return Painting(
        knobs, request.with_defaults(pipeline.spec.defaults_for(request)).image_count, steps, wall, processor
    )


def best(pipeline: Pipeline, knobs: Mapping[str, Any], repeat: int) -> Painting:
    """Return the fastest run."""
    return min((paint(pipeline, knobs) for _ in range(repeat)), key=lambda painting: painting.cpu_seconds)


def from_shell(knobs: Mapping[str, Any]) -> dict[str, float]:
    """Run `danqing draw` in a process: wall-clock and processor seconds, peak memory."""
    words = [word for name, value in knobs.items() for word in ("--set", f"{name}={value}")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as out:
        wall = time.perf_counter()
        command = [sys.executable, "-m", "danqing", "draw", SENTENCE, "--seed", "1", "--out", out, *words]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DANQING_HOME": f"{out}/home"})
        wall = time.perf_counter() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": wall,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_gib": after.ru_maxrss / 2**20,  # kilobytes on Linux
    }


def curves(names: list[str], common: Mapping[str, Any], repeat: int) -> Iterator[tuple[str, Painting]]:
    """Measure every point of the curves and print each."""
    loaded: dict[str, Pipeline] = {}
    for name in names:
        for point in CURVES[name]:
            dtype = point.get("dtype", "float32")
            if dtype not in loaded:
                loaded[dtype] = load("danqing_mini", device="cpu", dtype=dtype)
                paint(loaded[dtype], {**common, "steps": 2})  # the first run warms up
            painting = best(loaded[dtype], {**common, **point}, repeat)
            _show(f"{name} {json.dumps(point)}", painting)
            yield name, painting


def _show(name: str, painting: Painting) -> None:
    print(
        f"{name:<48} {painting.seconds:7.2f} s {painting.cpu_seconds:7.2f} cpu"
        f" {painting.steps:4d} steps {1000 * painting.step_seconds:7.1f} ms cpu a step and picture",
        flush=True,
    )


def main() -> None:
    """Run the measurements and print them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.end_to_end",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--curve", action="append", choices=CURVES, default=[], help="a knob to turn; repeatable")
    parser.add_argument("--knobs", default="", help='request fields for all pictures: "steps=20 cut_overview=2"')
    parser.add_argument("--no-shell", action="store_true", help="leave the run from the shell out")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each point, of which the fastest counts")
    parser.add_argument("--threads", type=int, help="CPU threads of this process")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    common = read_knobs(options.knobs)
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "load": os.getloadavg()[0]}
    if not options.no_shell:
        result["shell"] = from_shell(common)
        print("shell", json.dumps(result["shell"]), flush=True)
    pipeline = load("danqing_mini", device="cpu")
    paint(pipeline, {**common, "steps": 2})
    warm = best(pipeline, common, options.repeat)
    _show("warm", warm)
    result["warm"] = _plain(warm)
    points = [{"curve": name, **_plain(painting)} for name, painting in curves(options.curve, common, options.repeat)]
    result["points"] = points
    if options.json:
        print(json.dumps(result, ensure_ascii=False))


def _plain(painting: Painting) -> dict[str, Any]:
    return {**asdict(painting), "step_seconds": painting.step_seconds}


if __name__ == "__main__":
    main()
