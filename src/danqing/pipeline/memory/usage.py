"""Memory of the process, the machine and its container, and recovery from running out of it."""

import ctypes
import gc
import re
from contextlib import suppress
from pathlib import Path

import psutil
import torch

GIB = 2**30
_CGROUP = Path("/sys/fs/cgroup")
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_OUT_OF_MEMORY = (
    "out of memory",
    "allocate memory",
    "not enough memory",
    "alloc_failed",  # CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED
    "unable to find an engine to execute",  # cuDNN: no algorithm fits into the free memory
    "insufficient resources",
)


def memory_used(device: torch.device) -> int:
    """Return the bytes in use: by this process on the CPU, by its tensors on CUDA."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return psutil.Process().memory_info().rss


def unloaded_mmap_bytes(device: torch.device) -> int:
    """Return the bytes of memory-mapped weight files that have not been read yet. They are read in the first step.

    0 on CUDA, and on systems other than Linux, where it is unknown.
    """
    if device.type == "cuda" or not psutil.LINUX:
        return 0
    with suppress(psutil.Error, OSError):
        maps = psutil.Process().memory_maps(grouped=True)
        return sum(part.size - part.rss for part in maps if part.path.endswith(".safetensors"))
    return 0


def memory_available(device: torch.device) -> int | None:
    """Return the bytes that can still be allocated; None if unknown."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    cgroup = _cgroup_available()
    system = psutil.virtual_memory().available
    return system if cgroup is None else min(system, cgroup)


def _cgroup_available() -> int | None:
    """Return the bytes that a container can still allocate (control groups v2 or v1); None without a limit.

    Inactive file cache counts as available, since the kernel drops it when memory is short.
    """
    for limit_file, used_file, stat_file, key in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
    ):
        try:
            limit, used = ((_CGROUP / name).read_text().strip() for name in (limit_file, used_file))
            inactive = re.search(rf"^{key} (\d+)$", (_CGROUP / stat_file).read_text(), re.MULTILINE)
        except OSError:
            continue
        if limit.isdecimal() and int(limit) < 2**60:  # larger values mean no limit
            return max(int(limit) - int(used) + (int(inactive[1]) if inactive else 0), 0)
    return None


def trim_malloc() -> None:
    """Make glibc return large blocks to the system as soon as they are freed; does nothing with other C libraries.

    By default glibc keeps freed blocks of up to 32 MB for reuse; tensors of varying size leave gaps among them.
    """
    with suppress(OSError, AttributeError, TypeError):  # TypeError: CDLL(None) on Windows
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 2**20)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if an error means that memory is exhausted, on the CPU or a device."""
    # CUDA libraries, MPS and the CPU allocator raise plain RuntimeErrors, which differ only in their messages.
    message = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(part in message for part in _OUT_OF_MEMORY)
    )


def free_memory() -> None:
    """Release unreferenced tensors and cached device memory.

    Call it after the `except` block: the exception and its traceback keep tensors alive.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
