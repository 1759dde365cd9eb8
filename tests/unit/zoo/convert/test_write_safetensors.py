"""Writing safetensors: read back by the library itself, aligned, whole or not at all."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

from danqing.errors import WeightsError
from danqing.zoo.convert.write_safetensors import DTYPE_CODES, write_safetensors


def test_every_kind_of_number_and_shape_comes_back(tmp_path: Path) -> None:
    state = {f"kind.{code}": (torch.arange(7) % 2).to(dtype) for dtype, code in DTYPE_CODES.items()}
    state |= {"number": torch.tensor(2.5), "empty": torch.empty(0, 3), "strided": torch.randn(4, 6)[:, ::2].T}
    write_safetensors(state, tmp_path / "a.safetensors")
    loaded = load_file(tmp_path / "a.safetensors")
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_half_turns_floating_point_only(tmp_path: Path) -> None:
    state = {"a": torch.randn(3), "b": torch.randn(3).double(), "c": torch.tensor([1, 2])}
    write_safetensors(state, tmp_path / "a.safetensors", half=True)
    assert [load_file(tmp_path / "a.safetensors")[name].dtype for name in "abc"] == [
        torch.half,
        torch.half,
        torch.int64,
    ]


def test_the_file_says_that_it_is_pytorchs_and_is_written_the_same_again(tmp_path: Path) -> None:
    state = {"a": torch.ones(3, dtype=torch.uint8), "名": torch.ones(2)}
    for name in ("a", "b"):
        write_safetensors(state, tmp_path / name)
    with safe_open(tmp_path / "a", framework="pt") as file:  # pyright: ignore[reportUnknownVariableType]
        assert file.metadata() == {"format": "pt"}  # pyright: ignore[reportUnknownMemberType]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_kind_without_a_place_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(WeightsError, match=r"torch\.complex64.*wave"):
        write_safetensors({"wave": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "old")
    with pytest.raises(TypeError, match="meta"):
        write_safetensors({"a": torch.zeros(1), "b": torch.zeros(2, device="meta")}, tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "home") == ["old"]
