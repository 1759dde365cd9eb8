"""How much memory there is."""

import mmap
from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.pipeline.memory.usage import memory_used, is_out_of_memory, memory_available, free_memory, unloaded_mmap_bytes

CPU = torch.device("cpu")
MIB = 2**20


def test_what_is_taken_is_held() -> None:
    # Mapped, not allocated: an allocator may hand out what it still holds from other tests.
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        before = memory_used(CPU)
        block = np.frombuffer(memory, np.uint8)
        block[:] = 1
        assert memory_used(CPU) - before > 60 * MIB
        assert block[-1] == 1
        del block  # the map closes only when nobody looks at it


def test_there_is_room_on_this_machine() -> None:
    room = memory_available(CPU)
    assert room is not None
    assert room > 0


def test_mapped_weights_are_unread_until_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "unet.safetensors"
    path.write_bytes(bytes(32 * MIB))
    before = unloaded_mmap_bytes(CPU)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert unloaded_mmap_bytes(CPU) - before > 24 * MIB
        assert sum(mapped[place] for place in range(0, len(mapped), 4096)) == 0
        assert unloaded_mmap_bytes(CPU) - before < 8 * MIB


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("not enough memory: you tried"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
    ],
)
def test_a_shortage_is_told_from_other_faults(error: Exception, short: bool) -> None:
    assert is_out_of_memory(error) == short
    free_memory()
