"""CLIP's vision transformer. Parameter names as in the original."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.clip_transformer import Transformer
from danqing.models.init import normal_parameter


@dataclass(frozen=True)
class VisionConfig:
    """Configuration of a vision transformer.

    resolution: side of the square input, in pixels; patch: side of a patch, in pixels.
    width, layers: channels and depth.
    heads: attention heads; None: 80 channels per head at width 1280, else 64, as in all published models.
    """

    resolution: int
    patch: int
    width: int
    layers: int
    heads: int | None = None

    @property
    def tokens(self) -> int:
        """Sequence length: the class token and one token per patch."""
        return 1 + (self.resolution // self.patch) ** 2


def vision_heads(config: VisionConfig) -> int:
    """Return the number of attention heads."""
    return config.heads or max(1, config.width // (80 if config.width == 1280 else 64))


class VisionTransformer(nn.Module):
    """Image encoder.

    Args:
        config: the configuration.
        embed: length of the embeddings.
    """

    def __init__(self, config: VisionConfig, embed: int) -> None:
        super().__init__()
        width, scale = config.width, config.width**-0.5
        self.config = config
        self.conv1 = nn.Conv2d(3, width, config.patch, stride=config.patch, bias=False)
        self.class_embedding = normal_parameter(width, std=scale)
        self.positional_embedding = normal_parameter(config.tokens, width, std=scale)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, config.layers, vision_heads(config))
        self.ln_post = nn.LayerNorm(width)
        self.proj = normal_parameter(width, embed, std=scale)

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
        patches: Tensor = self.conv1(pixels).flatten(2).transpose(1, 2)  # [N, tokens - 1, width]
        first = self.class_embedding.expand(len(patches), 1, -1)  # [N, 1, width]
        h: Tensor = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        h = self.transformer(h, count=1)  # [N, 1, width]: the class token
        return self.ln_post(h[:, 0]) @ self.proj


def config_from_state(shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None) -> VisionConfig:
    """Infer the configuration of a vision transformer from its tensors, whose names start with "visual.".

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads: number of attention heads, if it differs from the rule of `VisionConfig`.
    Raises:
        KeyError: a required tensor is missing.
    """
    width, _, patch, _ = shapes["visual.conv1.weight"]
    blocks = {name.split(".")[3] for name in shapes if name.startswith("visual.transformer.resblocks.")}
    return VisionConfig(
        resolution=patch * isqrt(shapes["visual.positional_embedding"][0] - 1),
        patch=patch,
        width=width,
        layers=len(blocks),
        heads=heads,
    )
