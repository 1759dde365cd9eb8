"""From a safetensors file to a network: the shape is read off the header, the tensors are mapped in, never copied twice."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from danqing.errors import WeightsError
from danqing.models import clip, clip_openai, secondary, unet
from danqing.models.clip import ChineseClip, Clip
from danqing.models.clip_openai import OpenAiClip
from danqing.models.perceptual import Lpips
from danqing.models.secondary import Secondary
from danqing.models.unet import UNet

Shapes = Mapping[str, tuple[int, ...]]
Network = TypeVar("Network", bound=nn.Module)


def load_unet(
    path: Path,
    *,
    heads: int | None = None,
    head_channels: int | None = None,
    ignore: Collection[str] = (),
    dtype: torch.dtype = torch.float32,
) -> UNet:
    """A guided-diffusion U-Net, on the CPU, frozen.

    Args:
        path: safetensors file with the original's names.
        heads, head_channels: attention heads, where the rule of `UNetConfig` does not hold.
        ignore: names of tensors to leave in the file: FeiArt_Handpainted_CG_Diffusion carries a "label_emb.weight"
            that its unconditional network has no use for.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """

    def build(shapes: Shapes) -> UNet:
        return UNet(unet.config_from_state(shapes, heads=heads, head_channels=head_channels))

    return _load(path, build, dtype=dtype, ignore=ignore)


def load_clip(
    path: Path, *, heads: int | None = None, text_heads: int | None = None, dtype: torch.dtype = torch.float32
) -> ChineseClip:
    """A Chinese-CLIP, on the CPU, frozen.

    Args:
        path: safetensors file with the original's names.
        heads, text_heads: attention heads of the towers, where the rules of their configurations do not hold.
        dtype: of the weights in memory, whatever the file holds.
    Raises:
        WeightsError: the file is damaged, or not exactly such a network.
    """

    def build(shapes: Shapes) -> ChineseClip:
        return ChineseClip(clip.config_from_state(shapes, heads=heads, text_heads=text_heads))

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


def _load(
    path: Path, build: Callable[[Shapes], Network], *, dtype: torch.dtype, ignore: Collection[str] = ()
) -> Network:
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:  # its stubs carry no types
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys() if name not in ignore}  # noqa: SIM118
            network = _build(path, build, shapes)
            state = {name: _as(file.get_tensor(name), dtype) for name in shapes}
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"读不了权重文件 {path}：{error}。请重新安装这个模型。",
            f"Cannot read the weights {path}: {error}. Install this model again.",
        ) from error
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def _build(path: Path, build: Callable[[Shapes], Network], shapes: Shapes) -> Network:
    """The network without its tensors, after making sure that the file holds exactly those."""
    try:
        with torch.device("meta"):
            network = build(shapes)
    except (LookupError, ValueError, ArithmeticError) as error:
        raise _mismatch(path, [f"{type(error).__name__}: {error}"]) from error
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    faults = [f"缺少 missing {name}" for name in wanted if name not in shapes]
    faults += [f"多余 spare {name}" for name in shapes if name not in wanted]
    faults += [
        f"{name} {list(shapes[name])} ≠ {list(shape)}"
        for name, shape in wanted.items()
        if shapes.get(name, shape) != shape
    ]
    if faults:
        raise _mismatch(path, faults)
    return network


def _mismatch(path: Path, faults: list[str]) -> WeightsError:
    shown = "; ".join(faults[:5]) + ("; …" if len(faults) > 5 else "")
    return WeightsError(
        f"{path} 里不是所要的网络，{len(faults)} 处不符：{shown}。请确认文件与模型名一致，再重新安装。",
        f"{path} does not hold the expected network, {len(faults)} differences: {shown}. "
        "Make sure that the file belongs to this model, and install it again.",
    )


def _as(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Floating point in `dtype`, without a copy where it is so already; counters stay whole numbers."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
