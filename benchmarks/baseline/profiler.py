"""Seconds, memory and arithmetic of a function on one device."""

import ctypes
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SIDE, TRIALS = 2048, 5


@dataclass(frozen=True)
class Cost:
    """Cost of a call.

    seconds: by the clock on the wall. cpu_seconds: of processor time, all threads together; on a machine with other
        work on it only this one means much.
    peak_mib: memory at its highest above what lay in it before, on the device; None where nobody can tell.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float | None

    def least(self, other: "Cost") -> "Cost":
        """Return the shorter time, which was disturbed less, and the higher peak."""
        peaks = [cost.peak_mib for cost in (self, other) if cost.peak_mib is not None]
        return Cost(
            min(self.seconds, other.seconds),
            min(self.cpu_seconds, other.cpu_seconds),
            max(peaks) if peaks else None,
        )


def measure(work: Callable[[], Tensor], device: torch.device) -> tuple[Cost, Tensor]:
    """Call the function once; return its cost and its result."""
    before = _reset(device)
    wall, processor = time.perf_counter(), time.process_time()
    done = work()
    _wait(device)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = _peak(device)
    return Cost(wall, processor, None if before is None or peak is None else (peak - before) / 2**20), done


def count_gflop(work: Callable[[], object]) -> float:
    """Billions of multiplications and additions in matrix products and convolutions; `work` may run on `meta`."""
    with _Counter() as counter:
        work()
    return counter.flop / 1e9


class _Counter(TorchDispatchMode):
    """Sums the FLOPs of every operator by torch's registry. (torch's FlopCounterMode fails on gradients of leaves.)"""

    flop = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        done = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.flop += formula(*args, **(kwargs or {}), out_val=done)
        return done


def matmul_gflops(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Return the speed of large matrix products, the peak, in GFLOP/s by wall-clock and by processor time."""
    a, b = (torch.randn(SIDE, SIDE, device=device).to(dtype) for _ in range(2))
    costs = [measure(lambda: a @ b, device)[0] for _ in range(TRIALS)]
    best = min(costs[1:], key=lambda cost: cost.seconds), min(costs[1:], key=lambda cost: cost.cpu_seconds)
    work = 2 * SIDE**3 / 1e9
    return work / best[0].seconds, work / best[1].cpu_seconds


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset(device: torch.device) -> int | None:
    """Reset the peak and return the bytes in use."""
    if device.type == "cuda":
        _wait(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    if not sys.platform.startswith("linux"):
        return None
    ctypes.CDLL(None).malloc_trim(0)  # memory that was freed, but kept by the allocator, would hide what is taken next
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _from_status("VmRSS")


def _peak(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _from_status("VmHWM") if sys.platform.startswith("linux") else None


def _from_status(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024
