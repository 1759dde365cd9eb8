"""Chinese-CLIP: pictures and Chinese sentences into one space. Parameter names as in the original's files."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt, log

import torch
from torch import Tensor, nn

from danqing.models.clip_text import Bert, TextConfig
from danqing.models.clip_vision import VisionConfig, VisionTransformer

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pictures CLIP learnt from, red, green, blue, in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipConfig:
    """The shape of one Chinese-CLIP; `config_from_state` reads it off a file, except the numbers of heads.

    embed: length of the embeddings that both towers share.
    """

    embed: int
    vision: VisionConfig
    text: TextConfig


class ChineseClip(nn.Module):
    """A tower for pictures, a tower for sentences, and the matrices that bring both to one length.

    Args:
        config: the shape.
    Source:
        cn-clip's CLIP with a vision transformer; equal to it within 5e-5 (tests/golden).
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.config = config
        self.visual = VisionTransformer(config.vision, config.embed)
        self.bert = Bert(config.text)
        self.text_projection = nn.Parameter(config.text.width**-0.5 * torch.randn(config.text.width, config.embed))
        self.logit_scale = nn.Parameter(torch.tensor(log(1 / 0.07)))  # exp of it multiplies the cosines in training

    @property
    def resolution(self) -> int:
        """Side of the square pictures that `encode_image` takes, in pixels."""
        return self.config.vision.resolution

    def encode_image(self, pixels: Tensor) -> Tensor:
        """[N, 3, R, R], normalised with `MEAN` and `STD` -> [N, embed], not unit length, in the pixels' dtype.

        Raises:
            ShapeError: the pictures are not squares of `resolution`.
        """
        return self.visual(pixels.to(self.text_projection.dtype)).to(pixels.dtype)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """[P, L] int64, zeros after the end -> [P, embed], not unit length.

        Raises:
            ShapeError: the tokens are not [P, L], or L is longer than the tower knows positions.
        """
        return self.bert(tokens) @ self.text_projection


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None, text_heads: int | None = None
) -> ClipConfig:
    """The configuration of the Chinese-CLIP whose tensors have these names and shapes.

    Args:
        shapes: tensor name to shape, as in a file's header.
        heads, text_heads: override the rules of `VisionConfig` and `TextConfig`; a file does not tell.
    Raises:
        KeyError: a tensor that every such network has is missing.
    """
    width, _, patch, _ = shapes["visual.conv1.weight"]
    vocabulary, text_width = shapes["bert.embeddings.word_embeddings.weight"]
    return ClipConfig(
        embed=shapes["text_projection"][1],
        vision=VisionConfig(
            resolution=patch * isqrt(shapes["visual.positional_embedding"][0] - 1),
            patch=patch,
            width=width,
            layers=_count(shapes, "visual.transformer.resblocks.{}.ln_1.weight"),
            heads=heads,
        ),
        text=TextConfig(
            vocabulary=vocabulary,
            width=text_width,
            layers=_count(shapes, "bert.encoder.layer.{}.output.dense.weight"),
            mlp=shapes["bert.encoder.layer.0.output.dense.weight"][1],
            positions=shapes["bert.embeddings.position_embeddings.weight"][0],
            heads=text_heads,
        ),
    )


def _count(shapes: Mapping[str, tuple[int, ...]], name: str) -> int:
    """How many layers there are whose tensor is called `name`, with the layer's number for the braces."""
    number = 0
    while name.format(number) in shapes:
        number += 1
    return number
