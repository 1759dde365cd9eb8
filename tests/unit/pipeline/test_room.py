"""How much memory there is."""

import mmap
from pathlib import Path

import numpy as np
import torch

from danqing.pipeline.room import held, left, unread

CPU = torch.device("cpu")
MIB = 2**20


def test_what_is_taken_is_held() -> None:
    # Mapped, not allocated: an allocator may hand out what it still holds from other tests.
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        before = held(CPU)
        block = np.frombuffer(memory, np.uint8)
        block[:] = 1
        assert held(CPU) - before > 60 * MIB
        assert block[-1] == 1
        del block  # the map closes only when nobody looks at it


def test_there_is_room_on_this_machine() -> None:
    room = left(CPU)
    assert room is not None
    assert room > 0


def test_mapped_weights_are_unread_until_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "unet.safetensors"
    path.write_bytes(bytes(32 * MIB))
    before = unread(CPU)
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert unread(CPU) - before > 24 * MIB
        assert sum(mapped[place] for place in range(0, len(mapped), 4096)) == 0
        assert unread(CPU) - before < 8 * MIB
