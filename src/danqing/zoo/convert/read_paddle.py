"""Reads .pdparams files of PaddlePaddle (pickled NumPy arrays) without executing code."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

NAME_TABLE = "StructuredToParameterName@@"  # maps keys to Paddle's parameter names
KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1")


def read_paddle(path: Path) -> Mapping[str, object]:
    """Read a file of paddle.save: tensors by name in Paddle's layout, and other objects as they are.

    Args:
        path: the file: a dictionary of numpy arrays.
    Raises:
        pickle.UnpicklingError: it contains objects other than arrays and plain containers; the message names them.
        ValueError, TypeError, LookupError, EOFError, OSError: the file is damaged.
    """
    with path.open("rb") as file:
        loaded = _Unpickler(file).load()
    if not isinstance(loaded, dict):
        raise ValueError(f"{type(loaded).__name__} is not a dictionary of parameters")
    items = cast("dict[str, object]", loaded)
    return {name: _unwrap(value) for name, value in items.items() if name != NAME_TABLE}


def _unwrap(value: object) -> object:
    """Return the tensor of an array, or of a pair of a parameter name and an array."""
    if isinstance(value, tuple):
        _, value = cast("tuple[object, object]", value)
    return value.tensor if isinstance(value, _Array) else value


class _Dtype:
    """Replacement for numpy.dtype: little-endian numbers only."""

    def __init__(self, code: str, *_: object) -> None:
        if code not in KINDS:
            raise ValueError(f"numbers of kind {code}")
        self.code = code

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] not in ("<", "|"):
            raise ValueError(f"bytes in the order {state[1]}")


class _Array:
    """Replacement for numpy.ndarray, whose own unpickling can be exploited with forged object arrays."""

    tensor: Tensor

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, dtype, columns_first, content = state
        if not (isinstance(dtype, _Dtype) and isinstance(content, bytes | bytearray)):
            raise TypeError("not a plain array")
        array: Any = np.empty(0, np.int8)
        array.__setstate__((1, shape, np.dtype(dtype.code), columns_first, bytes(content)))  # shares the bytes
        self.tensor = torch.as_tensor(array)


def _reconstruct(*_: object) -> _Array:
    """Replacement for numpy's _reconstruct; `_Array.__setstate__` fills the array."""
    return _Array()


def _frombuffer(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """Array in pickle protocol 5."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", content))
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Bytes in pickle protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"bytes written as {encoding}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Callable[..., Any]:
        module = module_name.replace("numpy._core.", "numpy.core.").replace("__builtin__", "builtins")
        known: dict[str, Callable[..., Any]] = {
            "numpy.core.multiarray._reconstruct": _reconstruct,
            "numpy.core.numeric._frombuffer": _frombuffer,
            "numpy.ndarray": _Array,
            "numpy.dtype": _Dtype,
            "_codecs.encode": _encode,
            "collections.OrderedDict": OrderedDict,
            "builtins.tuple": tuple,
        }
        if f"{module}.{global_name}" not in known:
            raise pickle.UnpicklingError(f"GLOBAL {module_name}.{global_name} is not allowed")
        return known[f"{module}.{global_name}"]
