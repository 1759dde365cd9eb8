"""Export of a training to a folder that danqing loads as a model: fp16 safetensors, vocabulary, and card.json."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]
from torch import nn

from danqing.errors import WeightsError
from danqing.storage.atomic import atomic_path, storage_errors, write_text

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNUSED = "[unused"
"""Prefix of pieces that stand for nothing yet; later captions with new characters take their places."""
ADDED = ("text_encoder.", "pixel_head.")
"""Parts of a U-Net that an unconditional one lacks; an untrained one does not change its output."""
EMBEDDINGS = "word_embeddings.weight"
"""End of the name of the embeddings of the vocabulary, [pieces, width]."""
RESERVE = 128
"""Smallest number of unused pieces in a new vocabulary."""


def write_vocabulary(characters: Iterable[str], words: Iterable[str], file: Path) -> int:
    """Write the vocabulary of a tokenizer, one piece a line.

    Args:
        characters: those of the captions; letters and digits also get a piece for use inside words.
        words: English words that are one piece each.
        file: the vocab.txt to write.
    Returns:
        the number of pieces, a multiple of `RESERVE`; at least `RESERVE` of them are unused.
    """
    single = _lower(characters)
    inside = [f"##{character}" for character in single if character.isascii() and character.isalnum()]
    pieces = [*SPECIAL, *single, *inside, *sorted({word for word in words if len(word) > 1})]
    size = (len(pieces) // RESERVE + 2) * RESERVE
    pieces += [f"{UNUSED}{number}]" for number in range(size - len(pieces))]
    _write_pieces(pieces, file)
    return len(pieces)


def extend_vocabulary(characters: Iterable[str], file: Path, *, grow: bool = False) -> str:
    """Add characters that a vocabulary lacks, in place of unused pieces.

    Args:
        characters: those of the captions.
        file: the vocab.txt.
        grow: append pieces, a multiple of `RESERVE`, if too few are unused; else the size stays.
    Returns:
        the characters for which no unused piece was left.
    """
    pieces = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    known = set(pieces)
    missing = [character for character in _lower(characters) if character not in known]
    unused = [place for place, piece in enumerate(pieces) if piece.startswith(UNUSED)]
    if grow and len(missing) > len(unused):
        added = -(-(len(missing) - len(unused)) // RESERVE) * RESERVE
        unused += range(len(pieces), len(pieces) + added)
        pieces += [f"{UNUSED}{number}]" for number in range(len(pieces), len(pieces) + added)]
    for place, character in zip(unused, missing, strict=False):
        pieces[place] = character
    if missing and unused:
        _write_pieces(pieces, file)
    return "".join(missing[len(unused) :])


def _lower(characters: Iterable[str]) -> list[str]:
    return sorted({character.lower() for character in characters if not character.isspace()})


def _write_pieces(pieces: list[str], file: Path) -> None:
    with storage_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "\n".join(pieces) + "\n")


def write_weights(network: nn.Module, file: Path) -> None:
    """Write the tensors of a network as fp16 safetensors, atomically.

    Raises:
        WeightsError: a weight is too large for fp16, or the written file differs when it is read.
        StorageError: the file cannot be written.
    """
    tensors = {name: tensor.detach().cpu().half().contiguous() for name, tensor in network.state_dict().items()}
    broken = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise WeightsError(
            f"权重 {broken[0]} 在 fp16 中不是有限数：训练已发散，请降低学习率重新训练。",
            f"The weight {broken[0]} is not finite in fp16: the training has diverged. Lower the learning rate.",
        )
    with storage_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(file) as temporary:
            save_file(tensors, temporary)
            written = load_file(temporary)
            temporary.chmod(0o644)  # safetensors makes files readable by their owner only
            if any(not torch.equal(tensor, written[name]) for name, tensor in tensors.items()):
                raise WeightsError(
                    f"{file} 写入后读取不一致，请检查磁盘。",
                    f"{file} was damaged while it was written. Check the disk.",
                )


def read_weights(network: nn.Module, file: Path) -> None:
    """Load exported weights into a network, to train on from them.

    A U-Net's may lack text encoder and pixel head. Pieces that were added to the vocabulary keep their fresh embeddings.

    Raises:
        WeightsError: the file cannot be read, or belongs to a network of another shape.
    """
    try:
        tensors = load_file(file)
        for name, fresh in network.state_dict().items():
            known = tensors.get(name)
            if name.endswith(EMBEDDINGS) and known is not None and len(known) < len(fresh):
                tensors[name] = torch.cat([known.to(fresh.dtype), fresh[len(known) :].cpu()])
        added = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(ADDED)}
        network.load_state_dict(added | tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"不能从 {file} 开始训练：{reason}。请使用同一个 preset 导出的文件夹。",
            f"Cannot start from {file}: {reason}. Choose a folder exported with the same preset.",
        ) from error


def read_training(folder: Path | None) -> Mapping[str, object]:
    """Return the training figures of each network from the card of an export; empty without a card."""
    card = None if folder is None else folder / "card.json"
    if card is None or not card.exists():
        return {}
    return json.loads(card.read_text(encoding="utf-8")).get("training", {})


def write_card(folder: Path, card: Mapping[str, object]) -> None:
    """Write card.json: the given entries, and size and SHA-256 of every exported file.

    Args:
        folder: folder of the exported files.
        card: prediction, resolution, training figures.
    """
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in sorted(folder.iterdir())
        if file.name != "card.json" and file.suffix in {".safetensors", ".txt"}
    }
    text = json.dumps({**card, "files": files}, ensure_ascii=False, indent=2)
    write_text(folder / "card.json", text + "\n")
