"""CLIP's ResNet image encoder with attention pooling. Parameter names as in the original."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.init import normal_parameter

STRIDE = 32  # of the last feature map, in pixels


@dataclass(frozen=True)
class ResNetConfig:
    """Configuration of a ResNet.

    resolution: side of the square input, in pixels, a multiple of 32.
    width: channels after the stem; 64 in RN50 and RN101, 80 in RN50x4.
    blocks: number of blocks in each of the four stages; 3, 4, 6, 3 in RN50.
    heads: attention heads of the pooling; None: 64 channels per head, as in all published models.
    """

    resolution: int
    width: int
    blocks: tuple[int, ...]
    heads: int | None = None

    @property
    def features(self) -> int:
        """Number of input channels of the pooling."""
        return 32 * self.width


def resnet_heads(config: ResNetConfig) -> int:
    """Return the number of attention heads of the pooling."""
    return config.heads or max(1, config.features // 64)


class ResNet(nn.Module):
    """Image encoder: a stem of three convolutions, four stages, and attention pooling.

    Only the first convolution is strided; all other downsampling is average pooling.

    Args:
        config: the configuration.
        embed: length of the embeddings.
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
        """Encode images; the embeddings are not normalised.

        Args:
            pixels: [N, 3, R, R], normalised with CLIP's mean and std.
        Returns:
            [N, embed].
        Raises:
            ShapeError: the images are not squares of side `config.resolution`.
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
    """Build blocks from `width` to 4 * `inner` channels; the first may halve the resolution."""
    first = Bottleneck(width, inner, halve=halve)
    return nn.Sequential(first, *(Bottleneck(4 * inner, inner, halve=False) for _ in range(count - 1)))


class Bottleneck(nn.Module):
    """Residual block with three convolutions: [N, width, h, w] -> [N, 4 * inner, h', w']."""

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
    """Attention pooling with the mean of all positions as query: [N, C, h, w] -> [N, embed].

    Raises:
        ValueError: the number of channels is not a multiple of the number of heads.
    """

    def __init__(self, config: ResNetConfig, embed: int) -> None:
        super().__init__()
        width, tokens = config.features, 1 + (config.resolution // STRIDE) ** 2
        self.heads = resnet_heads(config)
        if width % self.heads:
            raise ValueError(f"{self.heads} attention heads do not divide {width} channels; set heads")
        self.positional_embedding = normal_parameter(tokens, width, std=width**-0.5)
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, embed)

    def forward(self, h: Tensor) -> Tensor:
        """[N, C, h, w] -> [N, embed]."""
        tokens = h.flatten(2).transpose(1, 2)  # [N, h*w, C]
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1) + self.positional_embedding
        q = self._split(self.q_proj(tokens[:, :1]))  # [N, heads, 1, C/heads]
        k, v = self._split(self.k_proj(tokens)), self._split(self.v_proj(tokens))
        return self.c_proj(F.scaled_dot_product_attention(q, k, v).flatten(1))

    def _split(self, h: Tensor) -> Tensor:
        """[N, L, C] -> [N, heads, L, C/heads]."""
        return h.view(*h.shape[:2], self.heads, -1).transpose(1, 2)


def config_from_state(shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None) -> ResNetConfig:
    """Infer the configuration of a ResNet from its tensors, whose names start with "visual.".

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads: number of attention heads, if it differs from the rule of `ResNetConfig`.
    Raises:
        KeyError: a required tensor is missing.
    """
    stages = [{name.split(".")[2] for name in shapes if name.startswith(f"visual.layer{n}.")} for n in range(1, 5)]
    return ResNetConfig(
        resolution=STRIDE * isqrt(shapes["visual.attnpool.positional_embedding"][0] - 1),
        width=shapes["visual.conv3.weight"][0],
        blocks=tuple(len(blocks) for blocks in stages),
        heads=heads,
    )
