"""Made-up weights in the formats in which the originals are published: PyTorch's, transformers', PaddlePaddle's."""

import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn

Format = Literal["torch", "transformers", "paddle"]
State = Mapping[str, Tensor]

UNET, SECONDARY = "512x512_diffusion_uncond_finetune_008100", "secondary_model_imagenet_2"


def save_unet(state: State, network: nn.Module, folder: Path, form: Format) -> None:
    """Write a U-Net under its published name; transformers has no format for it, PyTorch's is used there."""
    if form == "paddle":
        _save_paddle(state, network, folder / f"{UNET}.pdparams")
    else:
        torch.save(dict(state), folder / f"{UNET}.pt")


def save_secondary(state: State, network: nn.Module, folder: Path, form: Format) -> None:
    """Write a secondary network, as `save_unet`."""
    if form == "paddle":
        _save_paddle(state, network, folder / f"{SECONDARY}.pdparams")
    else:
        torch.save(dict(state), folder / f"{SECONDARY}.pth")


def save_clip(state: State, network: nn.Module, folder: Path, form: Format) -> None:
    """Write a Chinese-CLIP with a ViT, each format under the name that its publisher gives it."""
    match form:
        case "torch":
            named = {f"module.{name}": tensor for name, tensor in state.items()}
            torch.save({"epoch": 1, "state_dict": named}, folder / "clip_cn_vit-b-16.pt")
        case "paddle":
            _save_paddle(state, network, folder / "ViTB16.pdparams")
        case "transformers":
            place = folder / "chinese-clip-vit-base-patch16"
            place.mkdir(exist_ok=True)
            save_file(_as_transformers(state), place / "model.safetensors")
            (place / "config.json").write_text(json.dumps({"model_type": "chinese_clip"}), encoding="utf-8")


def _save_paddle(state: State, network: nn.Module, path: Path) -> None:
    """Linear layers transposed, queries, keys and values apart, a single number as a list of one, all as numpy arrays."""
    modules = cast("Iterator[tuple[str, nn.Module]]", network.named_modules())
    linear = {f"{name}.weight" for name, module in modules if isinstance(module, nn.Linear)}
    saved: dict[str, object] = {}
    for name, tensor in state.items():
        array = tensor.numpy()
        if ".in_proj_" in name:
            for letter, part in zip("qkv", np.split(array, 3), strict=True):
                saved[name.replace("in_proj_", f"{letter}_proj.")] = np.ascontiguousarray(part.T)
        else:
            saved[name] = (
                array.reshape(1) if array.ndim == 0 else np.ascontiguousarray(array.T) if name in linear else array
            )
    with path.open("wb") as file:
        pickle.dump(saved, file, protocol=4)


_NAMES = (
    ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
    ("visual.conv1.", "vision_model.embeddings.patch_embedding."),
    ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    ("visual.ln_pre.", "vision_model.pre_layrnorm."),
    ("visual.ln_post.", "vision_model.post_layernorm."),
    ("visual.transformer.resblocks.", "vision_model.encoder.layers."),
    ("bert.", "text_model."),
    (".attn.out_proj.", ".self_attn.out_proj."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
)


def _as_transformers(state: State) -> dict[str, Tensor]:
    """The tensors of a ChineseCLIPModel."""
    theirs: dict[str, Tensor] = {}
    for name, tensor in state.items():
        renamed = name
        for ours, other in _NAMES:
            renamed = renamed.replace(ours, other)
        if name == "text_projection":
            theirs["text_projection.weight"] = tensor.T.contiguous()
        elif name == "visual.proj":
            theirs["visual_projection.weight"] = tensor.T.contiguous()
        elif ".attn.in_proj_" in name:
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                theirs[renamed.replace(".attn.in_proj_", f".self_attn.{letter}_proj.")] = part.contiguous()
        else:
            theirs[renamed] = tensor
    return theirs
