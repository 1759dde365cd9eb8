"""Other publications' names for the same tensors, turned into the original's names."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

State = Mapping[str, Tensor]

_TRANSFORMERS = (
    (r"text_model\.", "bert."),
    (r"vision_model\.embeddings\.class_embedding", "visual.class_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"vision_model\.embeddings\.position_embedding\.weight", "visual.positional_embedding"),
    (r"vision_model\.pre_layrnorm\.", "visual.ln_pre."),  # the missing "e" is theirs
    (r"vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"visual.transformer.resblocks.\1.attn.out_proj."),
    (r"vision_model\.encoder\.layers\.(\d+)\.layer_norm([12])\.", r"visual.transformer.resblocks.\1.ln_\2."),
    (r"vision_model\.encoder\.layers\.(\d+)\.mlp\.fc1\.", r"visual.transformer.resblocks.\1.mlp.c_fc."),
    (r"vision_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.", r"visual.transformer.resblocks.\1.mlp.c_proj."),
)
_QUERY = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)")
_VGG_SLICES = ((2, "slice1"), (7, "slice2"), (14, "slice3"), (21, "slice4"), (28, "slice5"))  # last layer of each


def from_transformers(state: State) -> State:
    """cn-clip's names for the tensors of a transformers ChineseCLIPModel.

    Queries, keys and values are joined into one matrix; the two projections are transposed.

    Args:
        state: the model's state_dict.
    Returns:
        the same network under cn-clip's names; names that are unknown here are kept, for the loader to refuse.
    Raises:
        KeyError: a key or value belonging to a query is missing.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name in ("visual_projection.weight", "text_projection.weight"):
            renamed["visual.proj" if name.startswith("visual") else "text_projection"] = tensor.T
        elif query := _QUERY.fullmatch(name):
            parts = [state[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            renamed[f"visual.transformer.resblocks.{query[1]}.attn.in_proj_{query[2]}"] = torch.cat(parts)
        elif not re.search(r"self_attn\.[kv]_proj\.|\.position_ids$", name):
            renamed[_renamed(name)] = tensor
    return renamed


def _renamed(name: str) -> str:
    for pattern, replacement in _TRANSFORMERS:
        ours, count = re.subn(rf"^{pattern}", replacement, name)
        if count:
            return ours
    return name


def lpips_names(state: State) -> State:
    """The lpips package's names, once each, without its constants; torchvision's VGG-16 layers take theirs."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if layer := re.fullmatch(r"features\.(\d+)\.(weight|bias)", name):
            place = next(part for last, part in _VGG_SLICES if int(layer[1]) <= last)
            renamed[f"net.{place}.{layer[1]}.{layer[2]}"] = tensor
        elif not name.startswith(("lins.", "scaling_layer.", "classifier.")):
            renamed[name] = tensor
    return renamed
