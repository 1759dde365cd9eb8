"""Reads PyTorch, TorchScript, PaddlePaddle and safetensors files; the format is detected from the content."""

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
from danqing.i18n import Text
from danqing.zoo.convert.key_mapping import from_paddle
from danqing.zoo.convert.read_paddle import read_paddle
from danqing.zoo.convert.read_torchscript import is_torchscript, read_torchscript
from danqing.zoo.convert.write_safetensors import StateDict

PICKLE_MAGIC = b"\x80"  # protocol 2 and later
TORCH_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # PyTorch's format before 1.6
ENCLOSING = ("params_ema", "params", "state_dict")
"""Keys under which training programs store a state dict, the preferred first; upscalers use the first two."""
READ_ERRORS = (  # raised by the readers for damaged files
    *(OSError, EOFError, MemoryError, RuntimeError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(TypeError, ValueError, struct.error, zipfile.BadZipFile, SafetensorError),
)


def read_state_dict(path: Path) -> StateDict:
    """Read a state dict in PyTorch's layout, without an enclosing dictionary (see `ENCLOSING`) and the prefix "module.".

    No code in the file is executed.

    Args:
        path: the file; its name does not matter.
    Raises:
        WeightsError: the file is damaged, contains no state dict, or is a pickle with objects other than tensors.
    """
    try:
        loaded = _load_any(path)
    except pickle.UnpicklingError as error:
        match = re.search(r"GLOBAL (\S+)", str(error))
        if match is None:
            raise unreadable(
                path,
                Text(
                    "不是完整的 PyTorch、PaddlePaddle 或 safetensors 文件",
                    "not a complete PyTorch, PaddlePaddle or safetensors file",
                ),
            ) from error
        raise _unsafe_pickle(path, match[1]) from error
    except READ_ERRORS as error:
        reason = f"{type(error).__name__} {error}".split("\n")[0][:200]
        raise unreadable(path, Text(reason, reason)) from error
    if isinstance(loaded, Mapping):
        found = cast(Mapping[Any, Any], loaded)
        loaded = next((found[key] for key in ENCLOSING if isinstance(found.get(key), Mapping)), found)
    return {name.removeprefix("module."): tensor for name, tensor in _only_tensors(path, loaded).items()}


def _load_any(path: Path) -> object:
    """Load the content with the reader of the detected format."""
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
    if zipped and path.suffix != ".safetensors":  # torch.load trusts that suffix; mmap needs a path
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _only_tensors(path: Path, loaded: object) -> StateDict:
    if not isinstance(loaded, Mapping):
        raise unreadable(
            path, Text(f"{type(loaded).__name__} 不是 state_dict", f"{type(loaded).__name__} is not a state dict")
        )
    items = cast(Mapping[Any, Any], loaded)
    unexpected = [
        str(name) for name, value in items.items() if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if unexpected:
        names = ", ".join(unexpected[:5])
        raise unreadable(path, Text(f"{names} 不是张量", f"not a tensor: {names}"))
    return items


def _unsafe_pickle(path: Path, unexpected: str) -> WeightsError:
    return WeightsError(
        f"{path} 除张量外还包含 {unexpected}，已拒绝读取：这类文件可能执行任意代码。请使用只含 state_dict 的文件。",
        f"{path} contains {unexpected} besides tensors and was not read: such files can execute arbitrary code. "
        "Use a file with a plain state_dict.",
    )


def unreadable(path: Path, reason: Text) -> WeightsError:
    """Return the error for a file that cannot be read as weights."""
    return WeightsError(
        f"无法读取 {path}（{reason.zh}）。文件已损坏或不是权重文件，请重新下载。",
        f"Cannot read {path}: {reason.en}. It is damaged or not a weight file; download it again.",
    )
