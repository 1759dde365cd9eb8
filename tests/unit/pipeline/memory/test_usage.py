"""Memory of the process and the machine."""

import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.pipeline.memory.usage import (
    free_memory,
    is_out_of_memory,
    memory_available,
    memory_used,
    unloaded_mmap_bytes,
)

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
MIB = 2**20


def test_allocated_memory_is_used() -> None:
    # Mapped, not allocated: an allocator may hand out what it still holds from other tests.
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        before = memory_used(CPU)
        block = np.frombuffer(memory, np.uint8)
        block[:] = 1
        assert memory_used(CPU) - before > 60 * MIB
        assert block[-1] == 1
        del block  # the map closes only when nobody looks at it


def test_memory_is_available() -> None:
    available = memory_available(CPU)
    assert available is not None
    assert available > 0


def test_mapped_weights_are_unloaded_until_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "unet.safetensors"
    path.write_bytes(bytes(32 * MIB))
    before = unloaded_mmap_bytes(CPU)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert unloaded_mmap_bytes(CPU) - before > 24 * MIB
        assert sum(mapped[offset] for offset in range(0, len(mapped), 4096)) == 0
        assert unloaded_mmap_bytes(CPU) - before < 8 * MIB


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("not enough memory: you tried"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("Unable to find an engine to execute this computation"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (ValueError("out of memory is only a word here"), False),
        (RuntimeError("shapes cannot be multiplied"), False),
    ],
)
def test_out_of_memory_errors_are_recognised(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected
    free_memory()
