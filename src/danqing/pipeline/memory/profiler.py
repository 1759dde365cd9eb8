"""Counts bytes and FLOPs of operations on the `meta` device, where tensors have shapes but no data."""

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

_WEIGHT_POSITION: dict[Any, int] = {torch.ops.aten.convolution: 1, torch.ops.aten.convolution_backward: 2}


class MetaProfiler:
    """Context manager that counts the bytes of live tensors, and the FLOPs of matrix products, convolutions and attention.

    Args:
        excluded: tensors that are not counted, such as weights.
    """

    def __init__(self, excluded: Iterable[Tensor] = ()) -> None:
        self.flops = 0
        """FLOPs since the last lap."""
        self.live_bytes = 0
        """Bytes of the tensors that exist now."""
        self.peak_bytes = 0
        """Maximum of `live_bytes` since the last lap, including temporary copies made by convolutions."""
        self._excluded = [tensor.untyped_storage() for tensor in excluded]
        self._known: dict[int, object] = {id(storage): storage for storage in self._excluded}
        self._exit = ExitStack()

    def lap(self) -> tuple[int, int]:
        """Return FLOPs and peak bytes since the last lap, and reset them."""
        result = self.flops, self.peak_bytes
        self.flops, self.peak_bytes = 0, self.live_bytes
        return result

    def __enter__(self) -> Self:
        self._exit.enter_context(FlashAttentionOnMeta())
        self._exit.enter_context(_DispatchMode(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def record_op(self, op: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Count an operation that has run."""
        outputs = _tensors(out)
        for tensor in outputs:
            self._add(tensor)
        # oneDNN copies input and output of a convolution into its own memory layout, except where it is a matrix product.
        copies = (
            sum(tensor.nbytes for tensor in (*outputs, *_tensors(args))) if _is_spatial_convolution(op, args) else 0
        )
        self.peak_bytes = max(self.peak_bytes, self.live_bytes + copies)
        if op in flop_registry:
            self.flops += int(flop_registry[op](*args, **kwargs, out_val=out))

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key in self._known:
            return

        def remove(_: object) -> None:
            self.live_bytes -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, remove)
        self.live_bytes += size


class _DispatchMode(TorchDispatchMode):
    """Passes every operation to a profiler, including those of the backward pass."""

    def __init__(self, profiler: MetaProfiler) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._profiler = profiler

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self._profiler.record_op(func.overloadpacket, args, kwargs or {}, out)
        return out


class FlashAttentionOnMeta(TorchFunctionMode):
    """Computes attention on `meta` with the fused operator that real devices use, which never stores the score matrix."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options: dict[str, Any] = kwargs or {}
        if func is not F.scaled_dot_product_attention or len(args) != 3 or options.get("attn_mask") is not None:
            return func(*args, **options)
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *args, is_causal=bool(options.get("is_causal"))
        )[0]


def _is_spatial_convolution(op: Any, args: Any) -> bool:
    """Return True for convolutions with a kernel larger than 1."""
    return op in _WEIGHT_POSITION and args[_WEIGHT_POSITION[op]].shape[2:].numel() > 1


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
