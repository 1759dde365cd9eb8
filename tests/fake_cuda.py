"""A CUDA device for tests without a GPU: tensors are computed on the CPU, but report cuda:0 and refuse to mix with the CPU."""

# Arguments of every torch function pass through here, and they have no common types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportPrivateUsage=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

CUDA = torch.device("cuda:0")
_MEMORY = 64 * 2**30

_MAY_MIX = {
    torch._has_compatible_shallow_copy_type,
    torch.Tensor.copy_,
    torch.Tensor.__getitem__,
    torch.Tensor.__setitem__,
}
"""Functions that accept tensors on different devices."""


def _on_cuda(tensor: Tensor) -> bool:
    return getattr(tensor, "_fake_cuda", False)


def _mark(tensor: Tensor, *, cuda: bool) -> Tensor:
    vars(tensor)["_fake_cuda"] = cuda
    return tensor


class FakeCuda(TorchFunctionMode):
    """While it is entered, torch has the device cuda:0."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, given)) if isinstance(leaf, Tensor)]
        cuda = any(_on_cuda(tensor) for tensor in tensors)
        if func == torch.Tensor.device.__get__:
            return CUDA if cuda else func(*args)
        if func == torch.Tensor.is_cuda.__get__:
            return cuda
        if func == torch.Tensor.is_cpu.__get__:
            return not cuda and func(*args)
        if func == torch.Tensor.data.__set__:
            func(*args)
            _mark(args[0], cuda=_on_cuda(args[1]))
            return None
        if func in (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda, torch.Tensor.pin_memory):
            return self._move(func, args, given)
        if cuda and func in (torch.Tensor.numpy, torch.Tensor.__array__):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if given.get("device") is not None:
            device = torch.device(given["device"])
            if device.type == "cuda":
                given["device"] = "cpu"
            return _marked(func(*args, **given), cuda=device.type == "cuda")
        sized = {_on_cuda(tensor) for tensor in tensors if tensor.dim() and not tensor.is_meta}
        if len(sized) > 1 and func not in _MAY_MIX:
            raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu in {func}")
        return _marked(func(*args, **given), cuda=cuda) if cuda else func(*args, **given)

    def _move(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        source: Tensor = args[0]
        if func is torch.Tensor.pin_memory:
            return source
        if func is torch.Tensor.cpu:
            device, dtype, memory_format = torch.device("cpu"), None, None
        elif func is torch.Tensor.cuda:
            device, dtype, memory_format = CUDA, None, None
        else:
            other = next((arg for arg in args[1:] if isinstance(arg, Tensor)), None)
            kwargs.pop("copy", None)
            device, dtype, _, memory_format = torch._C._nn._parse_to(*args[1:], **kwargs)
            if other is not None:
                device = CUDA if _on_cuda(other) else other.device
        target = _on_cuda(source) if device is None else device.type == "cuda"
        real = None if device is None or device.type in ("cuda", "cpu") else device
        options = {} if memory_format is None else {"memory_format": memory_format}
        if real is not None:
            return source.to(real, dtype or source.dtype, **options)
        result = source.to(dtype or source.dtype, **options)
        if result is source and target != _on_cuda(source):
            result = source.clone()
        return _mark(result, cuda=target)


def _marked(values: Any, *, cuda: bool) -> Any:
    return tree_map(lambda leaf: _mark(leaf, cuda=cuda) if isinstance(leaf, Tensor) else leaf, values)


@contextmanager
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Pretend that this machine has one CUDA device with 64 GiB."""

    def available() -> bool:
        return True

    def nothing(*_: object) -> None:
        return None

    def allocated(*_: object) -> int:
        return 0

    def memory(*_: object) -> tuple[int, int]:
        return _MEMORY, _MEMORY

    def name(*_: object) -> str:
        return "Fake GPU"

    monkeypatch.setattr("torch.cuda.is_available", available)
    monkeypatch.setattr("torch.cuda.synchronize", nothing)
    monkeypatch.setattr("torch.cuda.empty_cache", nothing)
    monkeypatch.setattr("torch.cuda.memory_allocated", allocated)
    monkeypatch.setattr("torch.cuda.memory_reserved", allocated)
    monkeypatch.setattr("torch.cuda.mem_get_info", memory)
    monkeypatch.setattr("torch.cuda.get_device_name", name)
    with FakeCuda():
        yield
