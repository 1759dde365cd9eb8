"""Estimated against measured memory and time of runs, each case in its own process.

    python -m benchmarks.planner_accuracy                               # the embedded model
    python -m benchmarks.planner_accuracy --model disco_diffusion_cnclip_vitb16 --cases 256x256:16:16 256x256:16:4 --steps 2

A case is SIZE:CUTOUTS:CHUNK[:PICTURES][:c][:f][:DTYPE], c for checkpointing, f for eager freeing. Memory is the peak of the
process (VmHWM on Linux; on CUDA the peak allocated by torch). Seconds are the mean of all steps but the first.
The last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch

from danqing.api import load
from danqing.pipeline.batch_sampler import BatchSampler
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.memory.planner import MemoryPlanner
from danqing.pipeline.memory.timing import with_duration
from danqing.request import Request, read_request

MINI = (
    "128x128:8:8",
    "128x128:8:2:f",
    "128x128:32:32",
    "128x128:8:8:4",
    "256x256:8:8",
    "256x256:8:8:bfloat16",
    "512x512:8:8",
    "512x512:8:8:f",
    "512x512:8:8:c:f",
)


@dataclass(frozen=True)
class Case:
    """One run to estimate and measure."""

    size: str
    cutouts: int
    plan: MemoryPlan
    pictures: int
    dtype: str

    @classmethod
    def read(cls, text: str) -> "Case":
        """Parse SIZE:CUTOUTS:CHUNK and the optional parts."""
        size, cutouts, chunk, *more = text.split(":")
        numbers = [int(part) for part in more if part.isdecimal()]
        dtype = next((part for part in more if part.startswith(("b", "float"))), "float32")
        plan = MemoryPlan(int(chunk), checkpointing="c" in more, eager_free="f" in more)
        return cls(size, int(cutouts), plan, numbers[0] if numbers else 1, dtype)

    def request(self, model: str, steps: int) -> Request:
        """Return the request of the case."""
        return read_request(
            {
                "prompts": "孤舟蓑笠翁，独钓寒江雪",
                "seed": 1,
                "model": model,
                "size": self.size,
                "steps": steps,
                "cut_overview": self.cutouts - self.cutouts // 2,
                "cut_innercut": self.cutouts // 2,
                "batch_size": self.pictures,
                "dtype": self.dtype,
                "refine": 0,
                "sketches": 1,
                "recurrence": 1,
            }
        )


def measure(case: Case, model: str, device: str, steps: int) -> dict[str, object]:
    """Estimate a case, then paint it."""
    pipeline = load(model, device=device, dtype=case.request(model, steps).dtype)
    request = pipeline.resolve(case.request(model, steps))
    context = pipeline.run_context(request)
    planner = MemoryPlanner.of(context)
    sampler = BatchSampler(pipeline.model, request, context.prompts, None, case.plan)
    estimate = with_duration(planner, case.plan, planner.estimate(case.plan, request))
    reset_peak(pipeline.model.device)
    seconds: list[float] = []
    start = time.perf_counter()
    for _ in sampler.steps(tuple(range(case.pictures))):
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    measured = peak(pipeline.model.device)
    return {
        "memory_mib": estimate.memory >> 20,
        "measured_mib": measured >> 20,
        "activations_mib": estimate.peak_activations >> 20,
        "measured_activations_mib": (measured - estimate.in_use - estimate.unloaded_weights) >> 20,
        "step_s": round(estimate.step_seconds or 0, 3),
        "measured_step_s": round(mean(seconds[1:]), 3),
    }


def peak(device: torch.device) -> int:
    """Return the peak bytes of the process, or of its tensors on CUDA, since `reset_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def reset_peak(device: torch.device) -> None:
    """Reset the memory peak."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="danqing_mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--cases", nargs="*", default=list(MINI))
    parser.add_argument("--one", metavar="CASE", help="measure one case in this process")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(Case.read(options.one), options.model, options.device, options.steps)))
        return
    words = ["--model", options.model, "--device", options.device, "--steps", str(options.steps)]
    found: dict[str, dict[str, float]] = {}
    for case in options.cases:
        command = [sys.executable, "-m", "benchmarks.planner_accuracy", *words, "--one", case]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[case] = json.loads(done.stdout.splitlines()[-1])
        print(f"{case:24} {found[case]}", flush=True)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "cases": found}))


if __name__ == "__main__":
    main()
