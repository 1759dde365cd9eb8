"""Counting what a computation takes without doing it: on the `meta` device only bytes and operations pass by."""

import weakref
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


class MetaProfiler:
    """While it is entered, counts the bytes of all tensors that are alive and the operations of matrix products.

    Args:
        given: tensors that are there anyway, such as weights, and are not counted.
    """

    def __init__(self, given: Iterable[Tensor] = ()) -> None:
        self.flops = 0
        """Floating-point operations of matrix products, convolutions and attention since the last mark."""
        self.live_bytes = 0
        """Bytes of the tensors that are alive now."""
        self.peak_bytes = 0
        """The most that `live` has been since then, and what a convolution holds beside it for a moment."""
        self._given = [tensor.untyped_storage() for tensor in given]
        self._known: dict[int, object] = {id(storage): storage for storage in self._given}
        self._exit = ExitStack()

    def lap(self) -> tuple[int, int]:
        """Operations and peak since the last mark; from here on both are counted anew."""
        found = self.flops, self.peak_bytes
        self.flops, self.peak_bytes = 0, self.live_bytes
        return found

    def __enter__(self) -> Self:
        self._exit.enter_context(FlashAttentionOnMeta())
        self._exit.enter_context(_DispatchMode(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def record_op(self, kind: Any, args: Any, kwargs: Any, out: Any) -> None:
        """An operation has been done."""
        made = _tensors(out)
        for tensor in made:
            self._enter(tensor)
        # oneDNN puts what a convolution reads and writes into an order of its own.
        beside = sum(tensor.nbytes for tensor in (*made, *_tensors(args))) if kind in _CONVOLUTIONS else 0
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + beside)
        if kind in flop_registry:
            self.flops += int(flop_registry[kind](*args, **kwargs, out_val=out))

    def _enter(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key in self._known:
            return

        def leave(_: object) -> None:
            self.live_bytes -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, leave)
        self.live_bytes += size


class _DispatchMode(TorchDispatchMode):
    """Shows a meter every operation, those of the way back included."""

    def __init__(self, meter: MetaProfiler) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._meter = meter

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self._meter.record_op(func.overloadpacket, args, kwargs or {}, out)
        return out


class FlashAttentionOnMeta(TorchFunctionMode):
    """Attention on `meta` as real devices do it, which never hold the square matrix of all pairs."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given: dict[str, Any] = kwargs or {}
        if func is not F.scaled_dot_product_attention or len(args) != 3 or given.get("attn_mask") is not None:
            return func(*args, **given)
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *args, is_causal=bool(given.get("is_causal"))
        )[0]


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
