"""CLIP's ResNet: a picture in, one embedding out, pooled by attention. Parameter names as in the original."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.init import normal_parameter

STRIDE = 32  # the last features are this much coarser than the picture


@dataclass(frozen=True)
class ResNetConfig:
    """The shape of a ResNet.

    resolution: side of the square picture, in pixels, a multiple of 32.
    width: channels after the stem; 64 in RN50 and RN101, 80 in RN50x4.
    blocks: how many in each of the four stages; 3, 4, 6, 3 in RN50.
    heads: attention heads of the pooling; None for the published families' rule: 64 channels a head.
    """

    resolution: int
    width: int
    blocks: tuple[int, ...]
    heads: int | None = None

    @property
    def features(self) -> int:
        """Channels that reach the pooling."""
        return 32 * self.width


def resnet_heads(config: ResNetConfig) -> int:
    """Attention heads of this tower's pooling."""
    return config.heads or max(1, config.features // 64)


class ResNet(nn.Module):
    """The tower that looks at pictures: a stem of three convolutions, four stages, pooling by attention.

    It halves by averaging, never by a strided convolution but the first, so that its gradient reaches every pixel.

    Args:
        config: its shape.
        embed: length of the embedding.
    Source:
        CLIP's ModifiedResNet; equal to it within 5e-5 (tests/golden).
    """

    def __init__(self, config: ResNetConfig, embed: int) -> None:
        super().__init__()
        width, half = config.width, config.width // 2
        self.config = config
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        for number, count in enumerate(config.blocks):
            inner = width << number
            self.add_module(
                f"layer{number + 1}", _stage(2 * inner if number else width, inner, count, halve=number > 0)
            )
        self.attnpool = AttentionPool(config, embed)

    def forward(self, pixels: Tensor) -> Tensor:
        """The embedding of each picture, not unit length.

        Args:
            pixels: [N, 3, R, R], normalised with CLIP's mean and std.
        Returns:
            [N, embed].
        Raises:
            ShapeError: the pictures are not squares of `config.resolution`.
        """
        side = self.config.resolution
        if pixels.shape[1:] != (3, side, side):
            raise ShapeError(f"pixels are {list(pixels.shape)}, expected [N, 3, {side}, {side}]")
        h = torch.relu(self.bn1(self.conv1(pixels)))  # [N, width/2, R/2, R/2]
        h = torch.relu(self.bn2(self.conv2(h)))
        h = F.avg_pool2d(torch.relu(self.bn3(self.conv3(h))), 2)  # [N, width, R/4, R/4]
        for number in range(len(self.config.blocks)):
            h = self.get_submodule(f"layer{number + 1}")(h)
        return self.attnpool(h)


def _stage(width: int, inner: int, count: int, *, halve: bool) -> nn.Sequential:
    """Blocks from `width` to 4 * `inner` channels, the first of which may halve the picture."""
    first = Bottleneck(width, inner, halve=halve)
    return nn.Sequential(first, *(Bottleneck(4 * inner, inner, halve=False) for _ in range(count - 1)))


class Bottleneck(nn.Module):
    """Three convolutions beside a shortcut, narrow in the middle: [N, width, h, w] -> [N, 4 * inner, h', w']."""

    def __init__(self, width: int, inner: int, *, halve: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * inner)
        self.pool = nn.AvgPool2d(2) if halve else nn.Identity()
        self.downsample = (
            nn.Sequential(nn.Conv2d(width, 4 * inner, 1, bias=False), nn.BatchNorm2d(4 * inner))
            if halve or width != 4 * inner
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, h, w] -> [N, 4 * inner, h', w']."""
        h = torch.relu(self.bn1(self.conv1(x)))
        h = torch.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(self.pool(h)))
        return torch.relu(h + self.downsample(self.pool(x)))


class AttentionPool(nn.Module):
    """The mean of all places asks every place, itself too, what to keep of it: [N, C, h, w] -> [N, embed].

    Raises:
        ValueError: the channels are no multiple of the number of heads.
    """

    def __init__(self, config: ResNetConfig, embed: int) -> None:
        super().__init__()
        width, places = config.features, 1 + (config.resolution // STRIDE) ** 2
        self.heads = resnet_heads(config)
        if width % self.heads:
            raise ValueError(f"{self.heads} attention heads cannot share {width} channels; set heads")
        self.positional_embedding = normal_parameter(places, width, std=width**-0.5)
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, embed)

    def forward(self, h: Tensor) -> Tensor:
        """[N, C, h, w] -> [N, embed]."""
        places = h.flatten(2).transpose(1, 2)  # [N, h*w, C]
        places = torch.cat([places.mean(1, keepdim=True), places], dim=1) + self.positional_embedding
        q = self._split(self.q_proj(places[:, :1]))  # [N, heads, 1, C/heads]
        k, v = self._split(self.k_proj(places)), self._split(self.v_proj(places))
        return self.c_proj(F.scaled_dot_product_attention(q, k, v).flatten(1))

    def _split(self, h: Tensor) -> Tensor:
        """[N, L, C] -> [N, heads, L, C/heads]."""
        return h.view(*h.shape[:2], self.heads, -1).transpose(1, 2)


def config_from_state(shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None) -> ResNetConfig:
    """The configuration of the tower whose tensors, under "visual.", have these names and shapes.

    Args:
        shapes: tensor name to shape, as in a file's header.
        heads: overrides `ResNetConfig`'s rule; a file does not tell.
    Raises:
        KeyError: a tensor that every such tower has is missing.
    """
    stages = [{name.split(".")[2] for name in shapes if name.startswith(f"visual.layer{n}.")} for n in range(1, 5)]
    return ResNetConfig(
        resolution=STRIDE * isqrt(shapes["visual.attnpool.positional_embedding"][0] - 1),
        width=shapes["visual.conv3.weight"][0],
        blocks=tuple(len(blocks) for blocks in stages),
        heads=heads,
    )
