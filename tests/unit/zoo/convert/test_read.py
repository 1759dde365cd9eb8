"""Files of every format with some bytes changed or cut off: read or refused, and never anything else."""

import pickle
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from danqing.errors import WeightsError
from danqing.zoo.convert.read import read_state_dict

STATE = {f"a.{number}.weight": torch.full((3, 4), float(number)) for number in range(3)}


def as_arrays(path: Path) -> None:
    path.write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in STATE.items()}, 4))


WRITERS: dict[str, Callable[[Path], object]] = {
    "zip": lambda path: torch.save(STATE, path),
    "old": lambda path: torch.save(STATE, path, _use_new_zipfile_serialization=False),
    "paddle": as_arrays,
    "safetensors": lambda path: save_file(STATE, path),
}


def spoilt(content: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return content[: chance.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(min(len(content), chance.choice((100, 1500, len(content)))))] = chance.randrange(256)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", WRITERS)
def test_spoilt_files_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    path, chance = tmp_path / "original", random.Random(kind)
    WRITERS[kind](path)
    content = path.read_bytes()
    refused = 0
    for _ in range(150):
        path.write_bytes(spoilt(content, chance))
        try:
            assert all(isinstance(tensor, Tensor) for tensor in read_state_dict(path).values())
        except WeightsError:
            refused += 1
    assert refused > 75


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pt", tmp_path):
        with pytest.raises(WeightsError, match=path.name):
            read_state_dict(path)
