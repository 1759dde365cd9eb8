"""The state of an unfinished run as a safetensors file."""

# safetensors gives no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from danqing.types import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS = ("batch", "k", "stage")


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as the content of a file."""
    from safetensors.torch import save

    tensors = {"x": checkpoint.x} | {f"memory.{index}": kept for index, kept in enumerate(checkpoint.memory)}
    tensors |= {} if checkpoint.pull is None else {"pull": checkpoint.pull}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    said = {name: getattr(checkpoint, name) for name in _NUMBERS} | {"crc": _sum_of(tuple(contiguous.values()))}
    said["seeds"] = " ".join(map(str, checkpoint.seeds))
    return save(contiguous, metadata={name: str(value) for name, value in said.items()})


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a file; None where there is none or it cannot be read, which costs time but no picture."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata()
            names = file.keys()
            count = sum(name.startswith("memory.") for name in names)
            memory = tuple(file.get_tensor(f"memory.{index}") for index in range(count))
            x = file.get_tensor("x")
            pull = file.get_tensor("pull") if "pull" in names else None
            kept = (x, *memory) if pull is None else (x, *memory, pull)
            if int(said["crc"]) != _sum_of(kept):  # a power cut can leave the length without the content
                return None
            numbers = {name: int(said[name]) for name in _NUMBERS}
            seeds = tuple(int(seed) for seed in said.get("seeds", "").split())
            return Checkpoint(x=x, memory=memory, pull=pull, seeds=seeds, **numbers)
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None


def furthest(*checkpoints: Checkpoint | None) -> Checkpoint | None:
    """The one that leaves the least to be painted."""
    there = [checkpoint for checkpoint in checkpoints if checkpoint is not None]
    return max(there, key=lambda checkpoint: (checkpoint.batch, checkpoint.stage, -checkpoint.k), default=None)


def _sum_of(tensors: "tuple[Tensor, ...]") -> int:
    total = 0
    for tensor in tensors:
        total = zlib.crc32(tensor.numpy().data, total)
    return total
