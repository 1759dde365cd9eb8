"""The published weight files: PyTorch's, TorchScript's, PaddlePaddle's and safetensors; the content tells which it is."""

import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from danqing.errors import WeightsError
from danqing.zoo.convert.key_mapping import from_paddle
from danqing.zoo.convert.read_paddle import read_paddle
from danqing.zoo.convert.read_torchscript import is_torchscript, read_torchscript
from danqing.zoo.convert.write_safetensors import StateDict

PICKLE_MAGIC = b"\x80"  # the first byte of every pickle that is used today
TORCH_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # stands at the beginning of PyTorch's old files
READ_ERRORS = (  # what the readers raise at bytes that make no sense
    *(OSError, EOFError, MemoryError, RuntimeError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(TypeError, ValueError, struct.error, zipfile.BadZipFile, SafetensorError),
)


def read_state_dict(path: Path) -> StateDict:
    """The state_dict in a file, in PyTorch's layout, without "state_dict" around it and "module." before the names.

    Nothing in the file gets to run, whatever it is.

    Args:
        path: the file, under any name.
    Raises:
        WeightsError: the file is damaged, holds no state_dict, or is a pickle with more than tensors in it.
    """
    try:
        loaded = _load_any(path)
    except pickle.UnpicklingError as error:
        alien = re.search(r"GLOBAL (\S+)", str(error))
        if alien is None:
            raise unreadable(path, "no whole file of PyTorch, PaddlePaddle or safetensors") from error
        raise _unsafe_pickle(path, alien[1]) from error
    except READ_ERRORS as error:
        raise unreadable(path, f"{type(error).__name__} {error}".split("\n")[0][:200]) from error
    if isinstance(loaded, Mapping):
        loaded = cast(Mapping[Any, Any], loaded).get("state_dict", loaded)
    return {name.removeprefix("module."): tensor for name, tensor in _only_tensors(path, loaded).items()}


def _load_any(path: Path) -> object:
    """What the file holds, by the reader of its format."""
    with path.open("rb") as file:
        start = file.read(64)
    zipped = zipfile.is_zipfile(path)
    if zipped:
        with zipfile.ZipFile(path) as archive:
            if is_torchscript(archive):
                return read_torchscript(archive)
    elif start[8:9] == b"{":
        return load_file(path)
    elif start.startswith(PICKLE_MAGIC) and TORCH_LEGACY_MAGIC not in start:
        return from_paddle(read_paddle(path))
    if zipped and path.suffix != ".safetensors":  # torch.load believes that name, and maps only what it opens itself
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _only_tensors(path: Path, loaded: object) -> StateDict:
    if not isinstance(loaded, Mapping):
        raise unreadable(path, f"{type(loaded).__name__} is no state_dict")
    items = cast(Mapping[Any, Any], loaded)
    alien = [str(name) for name, value in items.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if alien:
        raise unreadable(path, f"no tensor: {', '.join(alien[:5])}")
    return items


def _unsafe_pickle(path: Path, alien: str) -> WeightsError:
    return WeightsError(
        f"{path} 里除了张量还有 {alien}，没有打开它：这样的文件能在你的机器上运行任意程序。请换用只含 state_dict 的文件。",
        f"{path} holds {alien} besides tensors and was not opened: such a file can run any program on your machine. "
        "Use one that holds only a state_dict.",
    )


def unreadable(path: Path, reason: str) -> WeightsError:
    """The error for a file that cannot be read as weights."""
    return WeightsError(
        f"读不了 {path}：{reason}。文件残缺或不是权重，请重新下载。",
        f"Cannot read {path}: {reason}. It is damaged or holds no weights; download it again.",
    )
