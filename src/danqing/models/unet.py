"""The guided-diffusion U-Net. Parameter names as in the original, so that published files load without renaming.

The embedded model's U-Net also has a text encoder and a pixel head, whose tensors have names of their own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt, log
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]

from danqing.errors import ShapeError
from danqing.models import text_encoder
from danqing.models.pixel_head import PixelHead
from danqing.models.text_encoder import TextEncoder, TextEncoderConfig
from danqing.models.unet_blocks import (
    Attention,
    Downsample,
    GroupNorm,
    Resample,
    ResBlock,
    UNetStage,
    Upsample,
    downsample_2x,
    upsample_2x,
    zero_module,
)

_UP = re.compile(
    r"output_blocks\.\d+\.[12]\.(?:conv|in_layers\.2)\.weight"
)  # the upsampling convolution, one per level


@dataclass(frozen=True)
class UNetConfig:
    """Configuration of a U-Net; `config_from_state` infers all but the number of heads from a file.

    channels: base number of channels; the widths must be multiples of 32 (GroupNorm has 32 groups).
    multipliers: width of each level in units of `channels`, finest first; each level halves the resolution.
    attention: levels with attention, 0 the finest; the middle always has attention.
    blocks: residual blocks per level.
    updown: whether residual blocks change the resolution; otherwise plain convolutions do.
    scale_shift: whether the time embedding scales and shifts the features; otherwise it is added.
    classes: number of classes of a class-conditional network.
    patch: side of the pixel blocks that are rearranged into channels before the network and back after it.
    text: text encoder of a text-conditional network.
    pixel_head: channels of the pixel head; None if there is none.
    heads, head_channels: attention heads, or channels per head. By default as in the published models: one head
        without scale_shift, four with 128 base channels, else 64 channels per head.
    """

    channels: int
    multipliers: tuple[float, ...]
    attention: tuple[int, ...]
    blocks: int = 2
    updown: bool = True
    scale_shift: bool = True
    classes: int | None = None
    patch: int = 1
    in_channels: int = 3
    out_channels: int = 6
    text: TextEncoderConfig | None = None
    pixel_head: int | None = None
    heads: int | None = None
    head_channels: int | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of channels of each level, finest first."""
        return tuple(round(self.channels * multiplier) for multiplier in self.multipliers)

    @property
    def embedding(self) -> int:
        """Length of the time embedding."""
        return 4 * self.channels

    @property
    def stride(self) -> int:
        """Both sides of the input must be multiples of this, in pixels."""
        return self.patch * 2 ** (len(self.multipliers) - 1)

    def heads_at(self, width: int) -> int:
        """Return the number of attention heads of a block with `width` channels."""
        if self.heads is not None:
            return self.heads
        if self.head_channels is not None:
            return width // self.head_channels
        if not self.scale_shift:
            return 1
        if self.updown and self.channels == 128:
            return 4
        return max(1, width // 64)


def time_embedding(timestep: Tensor, channels: int) -> Tensor:
    """Cosines and sines of the model time at geometric frequencies 1 … 1/10000: [B] -> [B, channels], float32."""
    half = channels // 2
    rates = torch.exp(torch.arange(half, device=timestep.device) * (-log(10000) / half))
    angles = timestep.float()[:, None] * rates  # [B, channels/2]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class UNet(nn.Module):
    """The network of guided-diffusion, conditional on classes, on text or on neither, optionally working on patches of pixels.

    Fresh weights suit training: the last convolution of every residual path starts at zero.

    Args:
        config: its shape.
    Source:
        guided-diffusion's UNetModel in the legacy qkv order; equal to it within 1e-4 (tests/golden).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False  # recompute stages in backward: half the memory, nearly twice the time
        self.time_embed = nn.Sequential(
            nn.Linear(config.channels, config.embedding), nn.SiLU(), nn.Linear(config.embedding, config.embedding)
        )
        self.label_emb = None if config.classes is None else nn.Embedding(config.classes, config.embedding)
        self.input_blocks, skips = _input_blocks(config)
        width = config.widths[-1]
        self.middle_block = UNetStage(
            ResBlock(config.embedding, width, width, scale_shift=config.scale_shift),
            Attention(width, config.heads_at(width)),
            ResBlock(config.embedding, width, width, scale_shift=config.scale_shift),
        )
        self.output_blocks = _output_blocks(config, skips)
        last = zero_module(nn.Conv2d(config.widths[0], config.out_channels * config.patch**2, 3, padding=1))
        self.out = nn.Sequential(GroupNorm(config.widths[0]), nn.SiLU(), last)
        self.text_encoder = None if config.text is None else TextEncoder(config.text)
        self.pixel_head = None if config.pixel_head is None else PixelHead(config.embedding, config.pixel_head)

    def forward(
        self, x: Tensor, timestep: Tensor, y: Tensor | None = None, *, text_embeds: Tensor | None = None
    ) -> Tensor:
        """Return the raw output of the network.

        Args:
            x: noisy images, [B, C, H, W], sides multiples of `config.stride`.
            timestep: [B], float, 0..999, may be fractional.
            y: class labels, [B] int64; required if, and only if, the network is class-conditional.
            text_embeds: one for each image, [B, E], from `text_encoder`, for a text-conditional network; None: those of
                the empty prompt.
        Returns:
            [B, out_channels, H, W] in x's dtype; if there are six, the last three are the variance.
        Raises:
            ShapeError: a shape is not as above, or labels are missing or not supported, or the network is not
                text-conditional.
        """
        self._check(x, timestep, y)
        self._check_text(x, text_embeds)
        dtype = next(self.parameters()).dtype
        emb: Tensor = self.time_embed(time_embedding(timestep, self.config.channels).to(dtype))  # [B, E]
        if self.label_emb is not None:
            emb = emb + self.label_emb(y)
        if text_embeds is not None:
            emb = emb + text_embeds.to(dtype)
        h = F.pixel_unshuffle(x.to(dtype), self.config.patch)  # [B, C*patch², H/patch, W/patch]
        skips: list[Tensor] = []
        for stage in self.input_blocks:
            h = self._run(stage, h, emb)
            skips.append(h)
        h = self._run(self.middle_block, h, emb)
        for stage in self.output_blocks:
            h = self._run(stage, torch.cat([h, skips.pop()], dim=1), emb)
        output = F.pixel_shuffle(self.out(h), self.config.patch)
        if self.pixel_head is not None:
            output = self.pixel_head(output[:, :3], x.to(dtype), emb)
        return output.to(x.dtype)

    def _run(self, stage: nn.Module, h: Tensor, emb: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return cast(Tensor, checkpoint(stage, h, emb, use_reentrant=False))
        return stage(h, emb)

    def _check(self, x: Tensor, timestep: Tensor, y: Tensor | None) -> None:
        c, stride = self.config.in_channels, self.config.stride
        if x.ndim != 4 or x.shape[1] != c or x.shape[2] % stride or x.shape[3] % stride:
            raise ShapeError(f"x is {list(x.shape)}, expected [B, {c}, H, W] with sides in multiples of {stride}")
        if timestep.shape != x.shape[:1]:
            raise ShapeError(f"timestep is {list(timestep.shape)}, expected [{x.shape[0]}]")
        if (y is None) != (self.label_emb is None):
            raise ShapeError("class labels y are required by class-conditional networks, and by no others")
        if y is not None and y.shape != x.shape[:1]:
            raise ShapeError(f"y is {list(y.shape)}, expected [{x.shape[0]}]")

    def _check_text(self, x: Tensor, text_embeds: Tensor | None) -> None:
        if text_embeds is None:
            return
        if self.text_encoder is None:
            raise ShapeError("text_embeds are only for text-conditional networks")
        if text_embeds.shape != (x.shape[0], self.config.embedding):
            raise ShapeError(
                f"text_embeds are {list(text_embeds.shape)}, expected [{x.shape[0]}, {self.config.embedding}]"
            )


def _stage(config: UNetConfig, width: int, level: int) -> list[nn.Module]:
    """Build one residual block from `width` channels to those of the level, with attention if the level has it."""
    out = config.widths[level]
    layers: list[nn.Module] = [ResBlock(config.embedding, width, out, scale_shift=config.scale_shift)]
    if level in config.attention:
        layers.append(Attention(out, config.heads_at(out)))
    return layers


def _resampler(config: UNetConfig, width: int, resample: Resample) -> nn.Module:
    if config.updown:
        return ResBlock(config.embedding, width, width, scale_shift=config.scale_shift, resample=resample)
    return Downsample(width) if resample is downsample_2x else Upsample(width)


def _input_blocks(config: UNetConfig) -> tuple[nn.ModuleList, list[int]]:
    """Build the encoder; also return the output channels of every stage, for the skip connections."""
    width = config.widths[0]
    stages = [UNetStage(nn.Conv2d(config.in_channels * config.patch**2, width, 3, padding=1))]
    skips = [width]
    for level, out in enumerate(config.widths):
        if level:
            stages.append(UNetStage(_resampler(config, width, downsample_2x)))
            skips.append(width)
        for _ in range(config.blocks):
            stages.append(UNetStage(*_stage(config, width, level)))
            width = out
            skips.append(width)
    return nn.ModuleList(stages), skips


def _output_blocks(config: UNetConfig, skips: list[int]) -> nn.ModuleList:
    """Build the decoder; each stage receives a skip connection from the encoder, last first."""
    width, remaining = config.widths[-1], list(skips)
    stages: list[UNetStage] = []
    for level, out in reversed(list(enumerate(config.widths))):
        for block in range(config.blocks + 1):
            layers = _stage(config, width + remaining.pop(), level)
            width = out
            if level and block == config.blocks:
                layers.append(_resampler(config, width, upsample_2x))
            stages.append(UNetStage(*layers))
    return nn.ModuleList(stages)


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None, head_channels: int | None = None
) -> UNetConfig:
    """Infer the configuration of a U-Net for RGB images from its tensors.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads, head_channels: attention heads, if they differ from the rule of `UNetConfig`.
    Raises:
        KeyError: a required tensor is missing.
    """
    levels = 1 + sum(_UP.fullmatch(name) is not None for name in shapes)
    stages = len({name.split(".")[1] for name in shapes if name.startswith("output_blocks.")})
    blocks = stages // levels - 1
    channels = shapes["time_embed.0.weight"][1]
    patch = isqrt(shapes["input_blocks.0.0.weight"][1] // 3)
    firsts = [f"input_blocks.{1 + level * (blocks + 1)}" for level in range(levels)]  # each level's first stage
    widths = [shapes[f"{first}.0.in_layers.2.weight"][0] for first in firsts]
    return UNetConfig(
        channels=channels,
        multipliers=tuple(width / channels for width in widths),
        attention=tuple(level for level, first in enumerate(firsts) if f"{first}.1.qkv.weight" in shapes),
        blocks=blocks,
        updown=not any(name.endswith(".op.weight") for name in shapes),
        scale_shift=shapes["input_blocks.1.0.emb_layers.1.weight"][0] == 2 * widths[0],
        classes=shapes["label_emb.weight"][0] if "label_emb.weight" in shapes else None,
        patch=patch,
        out_channels=shapes["out.2.weight"][0] // patch**2,
        text=text_encoder.config_from_state(shapes, "text_encoder.", embedding=shapes["time_embed.0.weight"][0]),
        pixel_head=shapes["pixel_head.in_layer.weight"][0] if "pixel_head.in_layer.weight" in shapes else None,
        heads=heads,
        head_channels=head_channels,
    )
