"""How much memory there is: what this process holds, what of its weights is still on disk, and what is left."""

import ctypes
import gc
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch

GIB = 2**30
_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
_MMAP_THRESHOLD = -3  # malloc.h


def memory_used(device: torch.device) -> int:
    """Bytes that this process holds: on the CPU all of its memory, on CUDA what its tensors take."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        pages = int((_PROC / "self" / "statm").read_text().split()[1])
    except OSError:  # not Linux: its largest size so far, in bytes on macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return pages * resource.getpagesize()


def unloaded_mmap_bytes(device: torch.device) -> int:
    """Bytes of mapped weight files that the CPU has not read yet: it will hold them after the first step."""
    if device.type == "cuda":
        return 0
    try:
        text = (_PROC / "self" / "smaps").read_text(errors="replace")
    except OSError:
        return 0
    return sum(size - here for size, here in _mapped(text))


def _mapped(smaps: str) -> Iterator[tuple[int, int]]:
    """Size and resident part of every mapped weight file, in bytes."""
    size = 0
    weights = False
    for line in smaps.splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            weights = line.endswith(".safetensors")
        elif weights and line.startswith("Size:"):
            size = int(line.split()[1]) * 1024
        elif weights and line.startswith("Rss:"):
            yield size, int(line.split()[1]) * 1024


def trim_malloc() -> None:
    """From now on let the C library return every large block as soon as it is freed, where the library is glibc.

    By default it keeps blocks of up to 32 MB for later ones of the same size; tensors leave holes among them.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 2**20)


def memory_available(device: torch.device) -> int | None:
    """Bytes that may still be taken; None where nobody knows."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    rooms = [room for room in (_system_available(), _cgroup_available()) if room is not None]
    return min(rooms, default=None)


def _system_available() -> int | None:
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", (_PROC / "meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _cgroup_available() -> int | None:
    """What a container may still take, in either version of control groups; files that it has read can be given up."""
    for limit, used, stat, key in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            most, now = ((_CGROUP / name).read_text().strip() for name in (limit, used))
            idle = re.search(rf"^{key} (\d+)$", (_CGROUP / stat).read_text(), re.MULTILINE)
        except OSError:
            continue
        if most.isdecimal() and int(most) < 2**60:  # else no limit is set
            return max(int(most) - int(now) + (int(idle[1]) if idle else 0), 0)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on the CPU or a device."""
    # The CPU's allocator raises a plain RuntimeError; only its words tell it apart.
    words = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "allocate memory" in words
        or "not enough memory" in words
    )


def free_memory() -> None:
    """Give back what nobody holds any more; call it when the error and its traceback are gone, for they hold tensors."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
