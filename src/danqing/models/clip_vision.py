"""CLIP's vision transformer: a picture in, one embedding out. Parameter names as in the original."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError


@dataclass(frozen=True)
class VisionConfig:
    """The shape of a vision transformer.

    resolution: side of the square picture, in pixels; patch: side of a patch, in pixels.
    width, layers: channels and depth.
    heads: attention heads; None for the published families' rule: 80 channels a head at width 1280, else 64.
    """

    resolution: int
    patch: int
    width: int
    layers: int
    heads: int | None = None

    @property
    def places(self) -> int:
        """Tokens the transformer sees: the class token and one for each patch."""
        return 1 + (self.resolution // self.patch) ** 2


def vision_heads(config: VisionConfig) -> int:
    """Attention heads of this tower."""
    return config.heads or max(1, config.width // (80 if config.width == 1280 else 64))


class VisionTransformer(nn.Module):
    """The tower that looks at pictures.

    Args:
        config: its shape.
        embed: length of the embedding.
    """

    def __init__(self, config: VisionConfig, embed: int) -> None:
        super().__init__()
        width, scale = config.width, config.width**-0.5
        self.config = config
        self.conv1 = nn.Conv2d(3, width, config.patch, stride=config.patch, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(config.places, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(config)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, embed))

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
        patches: Tensor = self.conv1(pixels).flatten(2).transpose(1, 2)  # [N, places - 1, width]
        first = self.class_embedding.expand(len(patches), 1, -1)  # [N, 1, width]
        h: Tensor = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        h = self.transformer(h)  # [N, places, width]
        return self.ln_post(h[:, 0]) @ self.proj


class Transformer(nn.Module):
    """Blocks in a row: [N, places, width] -> the same."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(config) for _ in range(config.layers)))

    def forward(self, h: Tensor) -> Tensor:
        """[N, places, width] -> the same."""
        return self.resblocks(h)


class Block(nn.Module):
    """Attention and a two-layer network, each beside a shortcut and after a normalisation."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.attn = Attention(config.width, vision_heads(config), config.layers)
        self.ln_1 = nn.LayerNorm(config.width)
        self.mlp = Mlp(config.width, config.layers)
        self.ln_2 = nn.LayerNorm(config.width)

    def forward(self, h: Tensor) -> Tensor:
        """[N, places, width] -> the same."""
        h = h + self.attn(self.ln_1(h))
        return h + self.mlp(self.ln_2(h))


class Attention(nn.Module):
    """Self-attention with queries, keys and values in one matrix, in this order.

    Raises:
        ValueError: `width` is no multiple of `heads`.
    """

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} attention heads cannot share {width} channels; set heads")
        self.heads = heads
        self.in_proj_weight = nn.Parameter(width**-0.5 * torch.randn(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.out_proj.weight, std=(2 * layers * width) ** -0.5)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, h: Tensor) -> Tensor:
        """[N, places, width] -> the same."""
        n, places, _ = h.shape
        qkv = F.linear(h, self.in_proj_weight, self.in_proj_bias).view(n, places, 3, self.heads, -1)
        q, k, v = qkv.transpose(1, 3).unbind(dim=2)  # [N, heads, places, width/heads] each
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Two layers with QuickGELU, x * sigmoid(1.702 x), between them."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)
        nn.init.normal_(self.c_fc.weight, std=(2 * width) ** -0.5)
        nn.init.normal_(self.c_proj.weight, std=(2 * layers * width) ** -0.5)

    def forward(self, h: Tensor) -> Tensor:
        """[N, places, width] -> the same."""
        h = self.c_fc(h)
        return self.c_proj(h * torch.sigmoid(1.702 * h))
