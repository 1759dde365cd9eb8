"""Writes safetensors files tensor by tensor, so that at most one tensor is copied in memory."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from danqing.errors import WeightsError
from danqing.storage.atomic import atomic_path

StateDict = Mapping[str, Tensor]

DTYPE_CODES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_safetensors(state: StateDict, target: Path, *, half: bool = False) -> None:
    """Write tensors to a safetensors file atomically.

    Args:
        state: tensors by name; strided, shared and memory-mapped tensors are supported.
        target: the file.
        half: store floating-point tensors as fp16.
    Raises:
        WeightsError: safetensors does not support the dtype of a tensor.
        OSError: `target` cannot be written.
    """
    dtypes = {
        name: torch.float16 if half and tensor.is_floating_point() else tensor.dtype for name, tensor in state.items()
    }
    order = sorted(
        state, key=lambda name: -dtypes[name].itemsize
    )  # largest items first, so that every tensor is aligned
    header = _header(state, dtypes, order)
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for name in order:
            flat = state[name].detach().to(dtypes[name]).reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)


def _header(state: StateDict, dtypes: Mapping[str, torch.dtype], order: list[str]) -> bytes:
    """Return the JSON header (dtype, shape and offsets of every tensor), padded to a multiple of 8 bytes."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        if dtypes[name] not in DTYPE_CODES:
            raise WeightsError(
                f"张量 {name} 的类型 {dtypes[name]} 不受 safetensors 支持。请使用原始权重文件。",
                f"safetensors does not support {dtypes[name]}, the dtype of the tensor {name}. Use the original weights.",
            )
        start, end = end, end + state[name].numel() * dtypes[name].itemsize
        entries[name] = {
            "dtype": DTYPE_CODES[dtypes[name]],
            "shape": list(state[name].shape),
            "data_offsets": [start, end],
        }
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8)
