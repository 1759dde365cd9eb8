"""Building blocks of the U-Net: residual and attention blocks, resampling, stages. Parameter names as in the original."""

from collections.abc import Callable
from itertools import product
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Resample = Callable[[Tensor], Tensor]
M = TypeVar("M", bound=nn.Module)
_MIN_FOLDED = 32 * 32  # positions; below, four small convolutions are slower than one


def downsample_2x(h: Tensor) -> Tensor:
    """Average every 2x2 block: [B, C, H, W] -> [B, C, H/2, W/2]."""
    return F.avg_pool2d(h, 2)


def upsample_2x(h: Tensor) -> Tensor:
    """Repeat every value in a 2x2 block: [B, C, H, W] -> [B, C, 2H, 2W]."""
    return F.interpolate(h, scale_factor=2.0, mode="nearest")


def upsample_conv(h: Tensor, conv: nn.Conv2d) -> Tensor:
    """Return `conv(upsample_2x(h))` with 4/9 of the multiplications, for a 3x3 convolution with padding 1.

    The kernel covers repeated pixels, so the weights of equal pixels are summed first. Each of the four output pixels of
    a 2x2 block is then a 2x2 convolution of h with its own kernel.

    Args:
        h: [B, C, H, W].
        conv: the convolution; its weights are summed in float32.
    Returns:
        [B, out, 2H, 2W].
    """
    kernel, (height, width) = conv.weight, h.shape[-2:]
    if height * width < _MIN_FOLDED:
        return conv(upsample_2x(h))
    padded = F.pad(h, (1, 1, 1, 1))
    out = padded.new_empty((h.shape[0], conv.out_channels, 2 * height, 2 * width))
    if kernel.is_contiguous(memory_format=torch.channels_last):
        out = out.to(memory_format=torch.channels_last)
    for down, across in product((0, 1), (0, 1)):
        folded = _fold(_fold(kernel.float(), 2, down), 3, across).to(kernel.dtype)
        window = padded[:, :, down : down + height + 1, across : across + width + 1]
        out[:, :, down::2, across::2] = F.conv2d(window, folded, conv.bias)
    return out


def _fold(kernel: Tensor, dim: int, odd: int) -> Tensor:
    """Sum three weights along `dim` to the two for even or odd output positions."""
    first, middle, last = kernel.unbind(dim)
    return torch.stack([first + middle, last] if odd else [first, middle + last], dim)


def zero_module(module: M) -> M:
    """Set all weights of a module to zero, so that a residual branch starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def _silu(h: Tensor) -> Tensor:
    """Apply SiLU to a temporary tensor, in place if it needs no gradient, which saves an allocation."""
    return F.silu(h, inplace=not h.requires_grad)


class GroupNorm(nn.Module):
    """Group normalisation with 32 groups, always computed in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, h: Tensor) -> Tensor:
        """[B, C, ...] -> the same, in h's dtype."""
        if (
            h.is_cpu and h.dtype.itemsize == 2
        ):  # this kernel accepts half precision and computes in float32, without copies
            return F.group_norm(h, 32, self.weight.float(), self.bias.float(), eps=1e-5)
        return F.group_norm(h.float(), 32, self.weight.float(), self.bias.float(), eps=1e-5).to(h.dtype)


class ResBlock(nn.Module):
    """Residual block with two convolutions and the time embedding; may halve or double the resolution.

    Args:
        embedding: length of the time embedding.
        width, out: input and output channels.
        scale_shift: whether the time embedding scales and shifts after the second normalisation; otherwise it is added
            before it.
        resample: `downsample_2x`, `upsample_2x` or None.
    """

    def __init__(
        self, embedding: int, width: int, out: int, *, scale_shift: bool, resample: Resample | None = None
    ) -> None:
        super().__init__()
        self.scale_shift = scale_shift
        self.resample = resample
        self.in_layers = nn.Sequential(GroupNorm(width), nn.SiLU(), nn.Conv2d(width, out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out if scale_shift else out))
        last = zero_module(nn.Conv2d(out, out, 3, padding=1))
        self.out_layers = nn.Sequential(GroupNorm(out), nn.SiLU(), nn.Identity(), last)  # 2 is dropout in the original
        self.skip_connection = nn.Identity() if width == out else nn.Conv2d(width, out, 1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """x [B, width, H, W], emb [B, embedding] -> [B, out, H', W']."""
        norm, _, conv = self.in_layers
        h: Tensor = _silu(norm(x))
        if self.resample is upsample_2x:
            h, x = upsample_conv(h, cast(nn.Conv2d, conv)), upsample_2x(x)
        elif self.resample is not None:
            h, x = conv(self.resample(h)), self.resample(x)
        else:
            h = conv(h)
        shift: Tensor = self.emb_layers(emb)[:, :, None, None]  # [B, out or 2*out, 1, 1]
        norm, _, _, conv = self.out_layers
        if self.scale_shift:
            scale, shift = shift.chunk(2, dim=1)
            h = torch.addcmul(shift, norm(h), 1 + scale)
        else:
            h = norm(h + shift)
        return conv(_silu(h)).add_(self.skip_connection(x))


class Attention(nn.Module):
    """Self-attention over all positions, with a residual connection.

    The channels of `qkv` are ordered (heads, 3, channels per head), as in all published files.

    Raises:
        ValueError: `width` is not a multiple of `heads`.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} attention heads do not divide {width} channels; set heads or head_channels")
        self.heads = heads
        self.norm = GroupNorm(width)
        self.qkv = nn.Conv1d(width, 3 * width, 1)
        self.proj_out = zero_module(nn.Conv1d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> the same."""
        flat = x.flatten(2)  # [B, C, H*W]
        qkv: Tensor = self.qkv(self.norm(flat))
        # Contiguous, because fused kernels need a last stride of 1; otherwise the matrix of all pairs is materialised.
        qkv = qkv.reshape(x.shape[0], self.heads, 3, -1, flat.shape[2]).transpose(-1, -2).contiguous()
        q, k, v = qkv.unbind(dim=2)  # [B, heads, H*W, C/heads] each
        h = F.scaled_dot_product_attention(q, k, v)
        return (flat + self.proj_out(h.transpose(-1, -2).flatten(1, 2))).view_as(x)


class Downsample(nn.Module):
    """Halve the resolution by a strided convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H/2, W/2]."""
        return self.op(h)


class Upsample(nn.Module):
    """Double the resolution by repetition, followed by a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, 2H, 2W]."""
        return upsample_conv(h, self.conv)


class UNetStage(nn.ModuleList):
    """Sequence of blocks; residual blocks also receive the time embedding."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, h: Tensor, emb: Tensor) -> Tensor:
        """h [B, C, H, W], emb [B, embedding] -> [B, C', H', W']."""
        for layer in self:
            h = layer(h, emb) if isinstance(layer, ResBlock) else layer(h)
        return h
