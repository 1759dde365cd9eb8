"""Original weight files to ours: one safetensors file under the names that `models` uses, written whole or not at all."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from torch import Tensor

from danqing.errors import WeightsError
from danqing.zoo.convert.key_mapping import from_transformers, lpips_names
from danqing.zoo.convert.read import read_state_dict, unreadable
from danqing.zoo.convert.write_safetensors import StateDict, write_safetensors

Kind = Literal["unet", "secondary", "clip", "lpips"]


def convert_file(
    source: Path, target: Path, kind: Kind, *, half: bool = False, ignored_keys: Collection[str] = ()
) -> None:
    """Write the weights in `source` as safetensors.

    Args:
        source: what the publisher offers. Any kind: a file of PyTorch or safetensors holding a state_dict, plain or under
            "state_dict", with or without "module." before the names; PaddlePaddle's .pdparams; the name does not matter.
            clip, Chinese or OpenAI's: also a TorchScript archive, or a folder in transformers' layout.
            lpips: also a folder with torchvision's VGG-16 and the lpips package's heads (vgg.pth).
        target: the safetensors file to write; it appears when it is complete.
        kind: the network that the file is for.
        half: store fp16 instead of the original precision.
        spare: tensors to leave out, whether the file has them or not.
    Raises:
        WeightsError: the file is damaged, is not of this kind, or is a pickle with more than tensors in it.
        OSError: `target` cannot be written.
    """
    state = _read_folder(source, kind) if source.is_dir() else read_state_dict(source)
    if kind == "clip":
        state = _normalize_clip(source, state)
    elif kind == "lpips":
        state = lpips_names(state)
    _check_kind(source, state, kind)
    write_safetensors({name: tensor for name, tensor in state.items() if name not in ignored_keys}, target, half=half)


def _read_folder(source: Path, kind: Kind) -> StateDict:
    if kind == "lpips":
        state: dict[str, Tensor] = {}
        for path in sorted(source.glob("*.pth")):
            state |= read_state_dict(path)
        return state
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (source / name).is_file():
            return read_state_dict(source / name)
    raise WeightsError(
        f"{source} 里没有 model.safetensors，也没有 pytorch_model.bin。请给出权重文件本身，或补全这个文件夹。",
        f"{source} has neither model.safetensors nor pytorch_model.bin. Name the weight file itself, or complete the folder.",
    )


def _normalize_clip(source: Path, state: StateDict) -> StateDict:
    """The original's names, whichever publication it came from, without what no network reads."""
    if "visual_projection.weight" in state:
        try:
            state = from_transformers(state)
        except KeyError as error:
            raise unreadable(source, f"{error} missing") from error
    unread = ("bert.pooler.", "bert.embeddings.position_ids", "input_resolution", "context_length", "vocab_size")
    return {name: tensor for name, tensor in state.items() if not name.startswith(unread)}


def _check_kind(source: Path, state: StateDict, kind: Kind) -> None:
    words = "token_embedding.weight"  # OpenAI's CLIP has it, the Chinese one has its BERT's
    marks = {
        "unet": ("time_embed.0.weight", "input_blocks.0.0.weight", "out.2.weight"),
        "secondary": ("timestep_embed.weight", "net.0.0.weight"),
        "clip": (
            "visual.conv1.weight",
            words if words in state else "bert.embeddings.word_embeddings.weight",
            "text_projection",
        ),
        "lpips": ("net.slice1.0.weight", "lin0.model.1.weight"),
    }
    absent = [name for name in marks[kind] if name not in state]
    if absent:
        zh, en = _describe_contents(state)
        raise WeightsError(
            f"{source} 不是 {kind} 的权重：缺少 {'、'.join(absent)}。{zh}",
            f"{source} holds no weights of kind {kind}: {', '.join(absent)} missing. {en}",
        )


def _describe_contents(state: StateDict) -> tuple[str, str]:
    """What a file seems to hold instead, and what to do, by the beginnings of the names in it."""
    families = (
        ("model.diffusion_model.", "Stable Diffusion 一类的模型", "a model such as Stable Diffusion"),
        ("down_blocks.", "diffusers 格式的 U-Net", "a U-Net in diffusers' layout"),
        ("timestep_embed.", "secondary（辅助网络）", "a secondary network"),
        ("out.2.c_proj.", "guided-diffusion 的分类器", "guided-diffusion's classifier"),
        ("time_embed.", "guided-diffusion 的 U-Net", "a guided-diffusion U-Net"),
        ("visual.", "CLIP", "a CLIP"),
        ("net.slice", "LPIPS", "LPIPS"),
        ("features.", "VGG 一类的分类网络", "a classifier such as VGG"),
    )
    for start, zh, en in families:
        if any(name.startswith(start) for name in state):
            return f"看起来是{zh}，请确认文件没有拿错。", f"It looks like {en}; make sure that it is the right file."
    return "请确认文件没有拿错。", "Make sure that it is the right file."
