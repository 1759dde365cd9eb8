"""The state of an unfinished run as a safetensors file."""

# safetensors gives no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path

from danqing.types import Checkpoint


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as the content of a file."""
    from safetensors.torch import save

    tensors = {"x": checkpoint.x} | {f"memory.{index}": kept for index, kept in enumerate(checkpoint.memory)}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(contiguous, metadata={"batch": str(checkpoint.batch), "k": str(checkpoint.k)})


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint in a file; None where there is none or it cannot be read, which costs time but no picture."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata()
            count = sum(name.startswith("memory.") for name in file.keys())  # noqa: SIM118 (not a mapping)
            memory = tuple(file.get_tensor(f"memory.{index}") for index in range(count))
            return Checkpoint(int(said["batch"]), int(said["k"]), file.get_tensor("x"), memory)
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
