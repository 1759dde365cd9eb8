"""Original weight files to ours: one safetensors file under the names that `models` uses, written whole or not at all."""

import errno
import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from danqing.errors import WeightsError
from danqing.zoo.rename import from_transformers, lpips_names

Kind = Literal["unet", "secondary", "clip", "lpips"]
State = Mapping[str, Tensor]


def convert_file(source: Path, target: Path, kind: Kind, half: bool = False) -> None:
    """Write the weights in `source` as safetensors.

    Args:
        source: what the publisher offers. Any kind: a PyTorch file or a safetensors file holding a state_dict, plain or
            under "state_dict", with or without "module." before the names. clip: also a folder in transformers' layout.
            lpips: also a folder with torchvision's VGG-16 and the lpips package's heads (vgg.pth).
        target: the safetensors file to write; it appears when it is complete.
        kind: the network that the file is for.
        half: store fp16 instead of the original precision.
    Raises:
        WeightsError: the file is damaged, is not of this kind, or is a pickle with more than tensors in it.
        OSError: `target` cannot be written.
    """
    state = _read_folder(source, kind) if source.is_dir() else _read(source)
    if kind == "clip":
        state = _clip_names(source, state)
    elif kind == "lpips":
        state = lpips_names(state)
    _check_kind(source, state, kind)
    _write({name: _packed(tensor, half) for name, tensor in state.items()}, target)


def _read_folder(source: Path, kind: Kind) -> State:
    if kind == "lpips":
        state: dict[str, Tensor] = {}
        for path in sorted(source.glob("*.pth")):
            state |= _read(path)
        return state
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (source / name).is_file():
            return _read(source / name)
    raise WeightsError(
        f"{source} 里没有 model.safetensors，也没有 pytorch_model.bin。请给出权重文件本身，或补全这个文件夹。",
        f"{source} has neither model.safetensors nor pytorch_model.bin. Name the weight file itself, or complete the folder.",
    )


def _read(path: Path) -> State:
    """The state_dict in a file, without "state_dict" around it and "module." before the names."""
    if path.suffix == ".safetensors":
        try:
            loaded: Any = load_file(path)
        except (OSError, SafetensorError) as error:
            raise _damaged(path, _brief(error)) from error
    else:
        loaded = _unpickle(path)
    if isinstance(loaded, Mapping):
        loaded = cast(Mapping[Any, Any], loaded).get("state_dict", loaded)
    return {name.removeprefix("module."): tensor for name, tensor in _only_tensors(path, loaded).items()}


def _unpickle(path: Path) -> Any:
    """What torch.save wrote, as long as it is tensors and plain containers: nothing in the file gets to run."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        alien = re.search(r"GLOBAL (\S+)", str(error))
        if alien is None:
            raise _damaged(path, "no PyTorch file") from error
        raise WeightsError(
            f"{path} 里除了张量还有 {alien[1]}，没有打开它：这样的文件能在你的机器上运行任意程序。请换用只含 state_dict 的文件。",
            f"{path} holds {alien[1]} besides tensors and was not opened: such a file can run any program on your machine. "
            "Use one that holds only a state_dict.",
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise _damaged(path, _brief(error)) from error


def _only_tensors(path: Path, loaded: Any) -> State:
    if not isinstance(loaded, Mapping):
        raise _damaged(path, f"{type(loaded).__name__} is no state_dict")
    items = cast(Mapping[Any, Any], loaded)
    alien = [str(name) for name, value in items.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if alien:
        raise _damaged(path, f"no tensor: {', '.join(alien[:5])}")
    return items


def _clip_names(source: Path, state: State) -> State:
    """cn-clip's names, whichever of the two publications it came from, without what no network reads."""
    if "visual_projection.weight" in state:
        try:
            state = from_transformers(state)
        except KeyError as error:
            raise _damaged(source, f"{error} missing") from error
    unread = ("bert.pooler.", "bert.embeddings.position_ids")
    return {name: tensor for name, tensor in state.items() if not name.startswith(unread)}


def _check_kind(source: Path, state: State, kind: Kind) -> None:
    marks = {
        "unet": ("time_embed.0.weight", "input_blocks.0.0.weight", "out.2.weight"),
        "secondary": ("timestep_embed.weight", "net.0.0.weight"),
        "clip": ("visual.conv1.weight", "bert.embeddings.word_embeddings.weight", "text_projection"),
        "lpips": ("net.slice1.0.weight", "lin0.model.1.weight"),
    }
    absent = [name for name in marks[kind] if name not in state]
    if absent:
        raise WeightsError(
            f"{source} 不是 {kind} 的权重：缺少 {'、'.join(absent)}。请确认文件没有拿错。",
            f"{source} holds no weights of kind {kind}: {', '.join(absent)} missing. Make sure that it is the right file.",
        )


def _packed(tensor: Tensor, half: bool) -> Tensor:
    """Contiguous, in memory of its own, in the precision to be written."""
    if half and tensor.is_floating_point():
        tensor = tensor.half()
    alone = tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor if alone else tensor.clone(memory_format=torch.contiguous_format)


def _write(state: dict[str, Tensor], target: Path) -> None:
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        part.touch()
        mode = part.stat().st_mode  # as the umask has it; safetensors would leave the file to its owner alone
        save_file(state, part, metadata={"format": "pt"})
        part.chmod(mode)
        os.replace(part, target)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(target)) from error
    finally:
        part.unlink(missing_ok=True)


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".split("\n")[0][:200]


def _damaged(path: Path, reason: str) -> WeightsError:
    return WeightsError(
        f"读不了 {path}：{reason}。文件残缺或不是权重，请重新下载。",
        f"Cannot read {path}: {reason}. It is damaged or holds no weights; download it again.",
    )
