"""Converts published weights to one safetensors file with the key names of `danqing.models`."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from torch import Tensor

from danqing.errors import WeightsError
from danqing.i18n import Text
from danqing.zoo.convert.key_mapping import from_transformers, lpips_names
from danqing.zoo.convert.read import read_state_dict, unreadable
from danqing.zoo.convert.write_safetensors import StateDict, write_safetensors

Kind = Literal["unet", "secondary", "clip", "lpips", "upscaler"]


def convert_file(
    source: Path, target: Path, kind: Kind, *, half: bool = False, ignored_keys: Collection[str] = ()
) -> None:
    """Convert weights to a safetensors file.

    Args:
        source: published weights. For every kind: a PyTorch or safetensors file with a state dict, plain or under
            "state_dict", "params" or "params_ema", with or without the prefix "module.", or a .pdparams file of
            PaddlePaddle. For clip also a TorchScript archive or a folder in the layout of transformers. For lpips also
            a folder with torchvision's VGG-16 and the heads of the lpips package (vgg.pth).
        target: the safetensors file; written atomically.
        kind: the network.
        half: store fp16 instead of the original precision.
        ignored_keys: keys to drop if present.
    Raises:
        WeightsError: the file is damaged, belongs to another network, or is a pickle with objects other than tensors.
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
        f"{source} 中没有 model.safetensors 或 pytorch_model.bin。请直接指定权重文件，或补全该文件夹。",
        f"{source} has neither model.safetensors nor pytorch_model.bin. Pass the weight file itself, or complete the folder.",
    )


def _normalize_clip(source: Path, state: StateDict) -> StateDict:
    """Rename keys to those of the original publication and drop unused ones."""
    if "visual_projection.weight" in state:
        try:
            state = from_transformers(state)
        except KeyError as error:
            raise unreadable(source, Text(f"缺少 {error}", f"{error} missing")) from error
    unused = ("bert.pooler.", "bert.embeddings.position_ids", "input_resolution", "context_length", "vocab_size")
    return {name: tensor for name, tensor in state.items() if not name.startswith(unused)}


def _check_kind(source: Path, state: StateDict, kind: Kind) -> None:
    openai_embedding = "token_embedding.weight"
    required = {
        "unet": ("time_embed.0.weight", "input_blocks.0.0.weight", "out.2.weight"),
        "secondary": ("timestep_embed.weight", "net.0.0.weight"),
        "clip": (
            "visual.conv1.weight",
            openai_embedding if openai_embedding in state else "bert.embeddings.word_embeddings.weight",
            "text_projection",
        ),
        "lpips": ("net.slice1.0.weight", "lin0.model.1.weight"),
        "upscaler": (),  # any architecture; checked when it is loaded
    }
    absent = [name for name in required[kind] if name not in state]
    if absent:
        zh, en = _describe_contents(state)
        raise WeightsError(
            f"{source} 不是 {kind} 权重：缺少 {'、'.join(absent)}。{zh}",
            f"{source} does not contain weights of kind {kind}: {', '.join(absent)} missing. {en}",
        )


def _describe_contents(state: StateDict) -> tuple[str, str]:
    """Guess from the key names which network a file contains; return advice in Chinese and English."""
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
            return f"该文件可能是{zh}，请检查是否选错了文件。", f"It looks like {en}; check that it is the right file."
    return "请检查是否选错了文件。", "Check that it is the right file."
