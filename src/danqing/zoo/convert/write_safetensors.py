"""Writing tensors as safetensors: one after another, so that no more than one is in memory twice, and whole or not at all."""

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
    """Write tensors as one safetensors file, which appears when it is complete.

    Args:
        state: name to tensor; strided, shared and mapped ones are fine.
        target: the file.
        half: store floating-point numbers as fp16.
    Raises:
        WeightsError: a tensor's kind of numbers has no place in safetensors.
        OSError: `target` cannot be written.
    """
    dtypes = {
        name: torch.float16 if half and tensor.is_floating_point() else tensor.dtype for name, tensor in state.items()
    }
    order = sorted(state, key=lambda name: -dtypes[name].itemsize)  # keeps every tensor aligned
    header = _header(state, dtypes, order)
    with atomic_path(target) as temporary, temporary.open("wb") as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for name in order:
            flat = state[name].detach().to(dtypes[name]).reshape(-1)
            file.write(flat.view(torch.uint8).numpy().data)


def _header(state: StateDict, dtypes: Mapping[str, torch.dtype], order: list[str]) -> bytes:
    """Kind, shape and place of every tensor, as JSON, a multiple of 8 bytes long."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        if dtypes[name] not in DTYPE_CODES:
            raise WeightsError(
                f"张量 {name} 是 {dtypes[name]}，存不进 safetensors。请换用原始的权重文件。",
                f"The tensor {name} holds {dtypes[name]}, which safetensors cannot store. Use the original weights.",
            )
        start, end = end, end + state[name].numel() * dtypes[name].itemsize
        entries[name] = {
            "dtype": DTYPE_CODES[dtypes[name]],
            "shape": list(state[name].shape),
            "data_offsets": [start, end],
        }
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8)
