"""PaddlePaddle's .pdparams: pickles of numpy arrays, read without letting anything in them run."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

NAME_TABLE = "StructuredToParameterName@@"  # Paddle's own names of the parameters, kept beside them
KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1")


def read_paddle(path: Path) -> Mapping[str, object]:
    """What paddle.save wrote: tensors by name, in Paddle's layout; whatever is no array is left for the caller to refuse.

    Args:
        path: the file: a dictionary of numpy arrays.
    Raises:
        pickle.UnpicklingError: there is more in it than arrays and plain containers; the message names what.
        ValueError, TypeError, LookupError, EOFError, OSError: it is damaged.
    """
    with path.open("rb") as file:
        loaded = _Unpickler(file).load()
    if not isinstance(loaded, dict):
        raise ValueError(f"{type(loaded).__name__} is no dictionary of parameters")
    items = cast("dict[str, object]", loaded)
    return {name: _opened(value) for name, value in items.items() if name != NAME_TABLE}


def _opened(value: object) -> object:
    """The tensor of an array, alone or as the pair of a parameter's own name and the array."""
    if isinstance(value, tuple):
        _, value = cast("tuple[object, object]", value)
    return value.tensor if isinstance(value, _Array) else value


class _Dtype:
    """What stands in for numpy's dtype: plain numbers in this machine's order of bytes, nothing else."""

    def __init__(self, code: str, *_: object) -> None:
        if code not in KINDS:
            raise ValueError(f"numbers of kind {code}")
        self.code = code

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] not in ("<", "|"):
            raise ValueError(f"bytes in the order {state[1]}")


class _Array:
    """What stands in for numpy's array. numpy's own unpickling follows pointers that a pickle may forge; this does not."""

    tensor: Tensor

    def __setstate__(self, state: tuple[object, ...]) -> None:
        _, shape, dtype, columns_first, content = state
        if not (isinstance(dtype, _Dtype) and isinstance(content, bytes | bytearray)):
            raise TypeError("no plain array")
        array: Any = np.empty(0, np.int8)
        array.__setstate__((1, shape, np.dtype(dtype.code), columns_first, bytes(content)))  # shares the bytes
        self.tensor = torch.as_tensor(array)


def _reconstruct(*_: object) -> _Array:
    """numpy's empty array, which `_Array.__setstate__` fills."""
    return _Array()


def _frombuffer(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    """An array as pickle's protocol 5 keeps it."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", content))
    return array


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as pickle's protocol 2 keeps them."""
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
