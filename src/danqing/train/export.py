"""A finished training as a folder that danqing loads: fp16 safetensors, the vocabulary, and a card of facts."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]
from torch import nn

from danqing.errors import WeightsError
from danqing.train.weight_transfer import grown

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_vocabulary(characters: frozenset[str], file: Path) -> int:
    """Write the pieces that a tokenizer needs for these characters, one a line.

    Args:
        characters: all that the captions hold; letters and digits also get a form inside words.
        file: the vocab.txt to write.
    Returns:
        how many pieces there are.
    """
    single = sorted({character.lower() for character in characters if not character.isspace()})
    inside = [f"##{character}" for character in single if character.isascii() and character.isalnum()]
    pieces = [*SPECIAL, *single, *inside]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return len(pieces)


def write_weights(network: nn.Module, file: Path) -> None:
    """Write a network's tensors as fp16 safetensors, in one go.

    Raises:
        WeightsError: a weight is too large for fp16, or what was written does not read back.
    """
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    broken = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise WeightsError(
            f"权重 {broken[0]} 在 fp16 中不是有限数：训练可能已发散，请降低学习率重来。",
            f"the weight {broken[0]} is not finite in fp16: the training has diverged; lower the learning rate.",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file(tensors, part)
    read = load_file(part)
    if any(not torch.equal(tensor, read[name]) for name, tensor in tensors.items()):
        raise WeightsError(f"{part} 写坏了：请检查磁盘。", f"{part} was damaged while being written: check the disk.")
    part.chmod(0o644)  # safetensors writes files for their owner only
    os.replace(part, file)


def read_weights(network: nn.Module, file: Path) -> None:
    """Fill a network with exported weights, to train on from there; patches may be of another size, and coarse levels half as wide.

    Raises:
        WeightsError: the file cannot be read, or holds a network of another shape.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    try:
        network.load_state_dict(grown(load_file(file), shapes))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"不能从 {file} 开始训练：{reason}。请用同一个 preset 导出的文件夹。",
            f"cannot start from {file}: {reason}. Name a folder that the same preset has exported.",
        ) from error


def read_training(folder: Path | None) -> Mapping[str, object]:
    """What the card of an export says of each network's training; nothing without a folder, or without a card in it."""
    card = None if folder is None else folder / "card.json"
    if card is None or not card.exists():
        return {}
    return json.loads(card.read_text(encoding="utf-8")).get("training", {})


def write_card(folder: Path, facts: Mapping[str, object]) -> None:
    """Write card.json: the given facts, and size and SHA-256 of every other file of the folder.

    Args:
        folder: holds the exported files.
        facts: what the reader should know: prediction, resolution, training figures.
    """
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in sorted(folder.iterdir())
        if file.name != "card.json" and file.suffix in {".safetensors", ".txt"}
    }
    text = json.dumps({**facts, "files": files}, ensure_ascii=False, indent=2)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")
