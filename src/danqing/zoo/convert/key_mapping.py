"""Maps key names and layouts of other publications to those of the original one."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from danqing.zoo.convert.write_safetensors import StateDict

_TRANSFORMERS = (  # prefixes; the first match applies
    (r"text_model\.embeddings\.token_embedding\.", "token_embedding."),
    (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"text_model\.final_layer_norm\.", "ln_final."),
    (r"text_model\.", "bert."),
    (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
    (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),  # spelled so in transformers
    (r"vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
)
_BLOCK = (
    (".self_attn.out_proj.", ".attn.out_proj."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
)
_QUERY = re.compile(r"((?:vision|text)_model\.encoder\.layers\.\d+)\.self_attn\.q_proj\.(weight|bias)")
_PADDLE_QUERY = re.compile(r"(visual\.transformer\.resblocks\.\d+\.attn)\.q_proj\.(weight|bias)")
_PADDLE_KEY = re.compile(r"visual\.transformer\.resblocks\.\d+\.attn\.[kv]_proj\.(weight|bias)")
_VGG_SLICES = ((2, "slice1"), (7, "slice2"), (14, "slice3"), (21, "slice4"), (28, "slice5"))  # last layer of each


def from_transformers(state: StateDict) -> StateDict:
    """Convert the state dict of a transformers CLIPModel or ChineseCLIPModel.

    Query, key and value projections are concatenated; the two output projections are transposed.

    Args:
        state: the model's state_dict.
    Returns:
        The state dict with the keys of OpenAI's CLIP or cn-clip. Unknown keys are kept; the loader rejects them.
    Raises:
        KeyError: the key or value projection of a query is missing.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name in ("visual_projection.weight", "text_projection.weight"):
            renamed["visual.proj" if name.startswith("visual") else "text_projection"] = tensor.T
        elif query := _QUERY.fullmatch(name):
            parts = [state[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            renamed[f"{_rename_key(query[1])}.attn.in_proj_{query[2]}"] = torch.cat(parts)
        elif not re.search(r"self_attn\.[kv]_proj\.|\.position_ids$", name):
            renamed[_rename_key(name)] = tensor
    return renamed


def _rename_key(name: str) -> str:
    for pattern, replacement in _TRANSFORMERS:
        name, count = re.subn(rf"^{pattern}", replacement, name)
        if count:
            break
    if ".resblocks." in name:
        for theirs, ours in _BLOCK:
            name = name.replace(theirs, ours)
    return name


def lpips_names(state: StateDict) -> StateDict:
    """Rename torchvision's VGG-16 layers to those of the lpips package; drop duplicates and constants."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if layer := re.fullmatch(r"features\.(\d+)\.(weight|bias)", name):
            block = next(part for last, part in _VGG_SLICES if int(layer[1]) <= last)
            renamed[f"net.{block}.{layer[1]}.{layer[2]}"] = tensor
        elif not name.startswith(("lins.", "scaling_layer.", "classifier.")):
            renamed[name] = tensor
    return renamed


def from_paddle(items: Mapping[str, object]) -> Mapping[str, object]:
    """Convert a PaddlePaddle state dict to the layout of PyTorch.

    Weights of linear layers are transposed (embeddings and bare parameters are not). Query, key and value projections are
    concatenated. Scalars, which Paddle stores as tensors of shape [1], get shape [].

    Args:
        items: tensors by name; other objects are passed on.
    Raises:
        KeyError: the key or value projection of a query is missing.
    """
    tensors = {name: _to_torch_layout(name, value) for name, value in items.items()}
    joined: dict[str, object] = {}
    for name, value in tensors.items():
        if query := _PADDLE_QUERY.fullmatch(name):
            parts = [tensors[f"{query[1]}.{letter}_proj.{query[2]}"] for letter in "qkv"]
            joined[f"{query[1]}.in_proj_{query[2]}"] = torch.cat([part for part in parts if isinstance(part, Tensor)])
        elif not _PADDLE_KEY.fullmatch(name):
            joined[name] = value
    return joined


def _to_torch_layout(name: str, value: object) -> object:
    if not isinstance(value, Tensor):
        return value
    if name == "logit_scale":
        return value.reshape(())
    is_embedding = "embedding" in name or name.startswith(("label_emb.", "timestep_embed."))
    return value.T if value.ndim == 2 and name.endswith(".weight") and not is_embedding else value
