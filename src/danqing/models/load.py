"""Loading networks from safetensors files: the configuration is inferred from the header, the tensors are memory-mapped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from danqing.models import clip, clip_openai, secondary, unet
from danqing.models.clip import ChineseClip, Clip
from danqing.models.clip_openai import OpenAiClip
from danqing.models.lpips import Lpips
from danqing.models.secondary import Secondary
from danqing.models.state_dict_check import Network, Shapes, build_from_shapes, read_shapes, unreadable
from danqing.models.unet import UNet


def load_unet(
    path: Path,
    *,
    heads: int | None = None,
    head_channels: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> UNet:
    """Load a guided-diffusion U-Net, on the CPU, frozen.

    Args:
        path: safetensors file with the parameter names of the original.
        heads, head_channels: attention heads, if they differ from the rule of `UNetConfig`.
        dtype: dtype of the weights in memory; converted if the file has another.
    Raises:
        WeightsError: the file is damaged or does not match the network exactly.
    """

    def build(shapes: Shapes) -> UNet:
        return UNet(unet.config_from_state(shapes, heads=heads, head_channels=head_channels))

    return _load(path, build, dtype=dtype)


def load_encoder(
    path: Path, *, heads: int | None = None, text_heads: int | None = None, dtype: torch.dtype = torch.float32
) -> Clip:
    """Load a Chinese-CLIP or OpenAI CLIP with either image encoder, on the CPU, frozen.

    Args:
        path: safetensors file with the parameter names of the original.
        heads, text_heads: attention heads, if they differ from the rules of the configurations.
        dtype: dtype of the weights in memory; converted if the file has another.
    Raises:
        WeightsError: the file is damaged or does not match the network exactly.
    """

    def build(shapes: Shapes) -> Clip:
        if "token_embedding.weight" in shapes:
            return OpenAiClip(clip_openai.config_from_state(shapes, heads=heads, text_heads=text_heads))
        return ChineseClip(clip.config_from_state(shapes, heads=heads, text_heads=text_heads))

    return _load(path, build, dtype=dtype)


def load_secondary(path: Path, *, dtype: torch.dtype = torch.float32) -> Secondary:
    """Load a secondary network, on the CPU, frozen.

    Args:
        path: safetensors file with the parameter names of the original.
        dtype: dtype of the weights in memory; converted if the file has another.
    Raises:
        WeightsError: the file is damaged or does not match the network exactly.
    """
    return _load(path, lambda shapes: Secondary(secondary.config_from_state(shapes)), dtype=dtype)


def load_lpips(path: Path, *, dtype: torch.dtype = torch.float32) -> Lpips:
    """Load LPIPS, on the CPU, frozen.

    Args:
        path: safetensors file with the parameter names of the original.
        dtype: dtype of the weights in memory; converted if the file has another.
    Raises:
        WeightsError: the file is damaged or does not match the network exactly.
    """
    return _load(path, lambda _: Lpips(), dtype=dtype)


def _load(path: Path, build: Callable[[Shapes], Network], *, dtype: torch.dtype) -> Network:
    shapes = read_shapes(path)
    network = build_from_shapes(path, build, shapes)
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:  # safetensors has no type annotations
            state = {name: _cast(file.get_tensor(name), dtype) for name in shapes}
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Convert floating-point tensors to `dtype`, without a copy if possible; integers are not changed."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
