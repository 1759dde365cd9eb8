"""Reads the tensors of TorchScript archives, such as OpenAI's CLIPs, without executing their code."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from zipfile import ZIP_STORED, ZipFile

import torch
from torch import Tensor

KINDS = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torchscript(archive: ZipFile) -> bool:
    """Return True if a PyTorch archive contains TorchScript code."""
    return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())


def read_torchscript(archive: ZipFile) -> Mapping[str, Tensor]:
    """Return the state dict of the module in an archive.

    Args:
        archive: a file of torch.jit.save.
    Raises:
        pickle.UnpicklingError: it contains objects other than modules and tensors; the message names them.
        LookupError, ValueError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile: the file is damaged.
    """
    top = archive.namelist()[0].split("/")[0]  # the top folder of the archive
    with archive.open(f"{top}/data.pkl") as file:
        module = _Unpickler(file, archive, f"{top}/data").load()
    return dict(_tensors(module, ""))


class _Module:
    """Replacement for a module; pickle stores its attributes in __dict__."""


def _tensors(module: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            yield prefix + name, value
        elif isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, archive: ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if module_name.split(".")[0] == "__torch__":
            return _Module
        if module_name == "torch" and global_name in KINDS:
            return KINDS[global_name]
        known: dict[str, Callable[..., object]] = {
            "torch._utils._rebuild_tensor_v2": _rebuild,
            "collections.OrderedDict": OrderedDict,
        }
        name = f"{module_name}.{global_name}"
        if name not in known:
            raise pickle.UnpicklingError(f"GLOBAL {name} is not allowed")
        return known[name]

    def persistent_load(self, pid: Any, /) -> Tensor:
        """Return a flat storage; `pid` is ("storage", kind, name, device, count)."""
        _, kind, name, *_ = cast("tuple[str, torch.dtype, str, str, int]", pid)
        if name not in self._storages:
            entry = self._archive.getinfo(f"{self._folder}/{name}")
            if entry.compress_type != ZIP_STORED:
                raise ValueError(f"{entry.filename} is compressed")
            content = bytearray(self._archive.read(entry))
            self._storages[name] = torch.frombuffer(content or bytearray(8), dtype=torch.uint8)[: len(content)].view(
                kind
            )
        return self._storages[name]


def _rebuild(storage: Tensor, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """Return a view of a storage; arguments after the stride concern training only."""
    return torch.as_strided(storage, shape, stride, offset)
