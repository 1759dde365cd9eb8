"""Checkpoints of unfinished runs as safetensors files."""

# safetensors has no type annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from danqing.types import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS = ("batch", "index", "stage")


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """Serialise a checkpoint: tensors x, history.N and guidance_grad; metadata batch, index, stage, seeds and crc32."""
    from safetensors.torch import save

    tensors = {"x": checkpoint.x} | {f"history.{number}": tensor for number, tensor in enumerate(checkpoint.history)}
    tensors |= {} if checkpoint.guidance_grad is None else {"guidance_grad": checkpoint.guidance_grad}
    # Copied, because after the last step x and the history may be one tensor, which safetensors does not write twice.
    contiguous = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {name: getattr(checkpoint, name) for name in _NUMBERS} | {"crc32": _crc32(tuple(contiguous.values()))}
    metadata["seeds"] = " ".join(map(str, checkpoint.seeds))
    return save(contiguous, metadata={name: str(value) for name, value in metadata.items()})


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None if the file does not exist or is damaged, in which case more steps are repeated."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            names = file.keys()
            count = sum(name.startswith("history.") for name in names)
            history = tuple(file.get_tensor(f"history.{number}") for number in range(count))
            x = file.get_tensor("x")
            guidance_grad = file.get_tensor("guidance_grad") if "guidance_grad" in names else None
            tensors = (x, *history) if guidance_grad is None else (x, *history, guidance_grad)
            if int(metadata["crc32"]) != _crc32(
                tensors
            ):  # after a power failure, the length may be right but not the content
                return None
            numbers = {name: int(metadata[name]) for name in _NUMBERS}
            seeds = tuple(int(seed) for seed in metadata.get("seeds", "").split())
            return Checkpoint(x=x, history=history, guidance_grad=guidance_grad, seeds=seeds, **numbers)
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None


def most_advanced(*checkpoints: Checkpoint | None) -> Checkpoint | None:
    """Return the most advanced checkpoint, or None if there is none."""
    present = [checkpoint for checkpoint in checkpoints if checkpoint is not None]
    return max(present, key=lambda checkpoint: (checkpoint.batch, checkpoint.stage, -checkpoint.index), default=None)


def _crc32(tensors: "tuple[Tensor, ...]") -> int:
    crc = 0
    for tensor in tensors:
        crc = zlib.crc32(tensor.numpy().data, crc)
    return crc
