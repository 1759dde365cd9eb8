"""From a safetensors file to a network: the shape is read off the header, the tensors are mapped in, never copied twice."""

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
    """A guided-diffusion U-Net, on the CPU, frozen.

    Args:
        path: safetensors file with the original's names.
        heads, head_channels: attention heads, where the rule of `UNetConfig` does not hold.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """

    def build(shapes: Shapes) -> UNet:
        return UNet(unet.config_from_state(shapes, heads=heads, head_channels=head_channels))

    return _load(path, build, dtype=dtype)


def load_encoder(
    path: Path, *, heads: int | None = None, text_heads: int | None = None, dtype: torch.dtype = torch.float32
) -> Clip:
    """A CLIP on the CPU, frozen: a Chinese one or OpenAI's, with either tower, whichever the file holds.

    Args:
        path: safetensors file with the original's names.
        heads, text_heads: attention heads of the towers, where the rules of their configurations do not hold.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """

    def build(shapes: Shapes) -> Clip:
        if "token_embedding.weight" in shapes:
            return OpenAiClip(clip_openai.config_from_state(shapes, heads=heads, text_heads=text_heads))
        return ChineseClip(clip.config_from_state(shapes, heads=heads, text_heads=text_heads))

    return _load(path, build, dtype=dtype)


def load_secondary(path: Path, *, dtype: torch.dtype = torch.float32) -> Secondary:
    """A secondary network, on the CPU, frozen.

    Args:
        path: safetensors file with the original's names.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """
    return _load(path, lambda shapes: Secondary(secondary.config_from_state(shapes)), dtype=dtype)


def load_lpips(path: Path, *, dtype: torch.dtype = torch.float32) -> Lpips:
    """The perceptual distance, on the CPU, frozen.

    Args:
        path: safetensors file with the original's names.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """
    return _load(path, lambda _: Lpips(), dtype=dtype)


def _load(path: Path, build: Callable[[Shapes], Network], *, dtype: torch.dtype) -> Network:
    shapes = read_shapes(path)
    network = build_from_shapes(path, build, shapes)
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:  # its stubs carry no types
            state = {name: _as(file.get_tensor(name), dtype) for name in shapes}
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def _as(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Floating point in `dtype`, without a copy where it is so already; counters stay whole numbers."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
