"""Chinese-CLIP: pictures and Chinese sentences into one space; and what every CLIP shares. Parameter names as in the original."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from danqing.models import clip_resnet, clip_vision
from danqing.models.clip_resnet import ResNet, ResNetConfig
from danqing.models.clip_text import Bert, TextConfig
from danqing.models.clip_vision import VisionConfig, VisionTransformer
from danqing.models.init import normal_parameter

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pictures CLIP learnt from, red, green, blue, in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)
CONTEXT = 52  # tokens that Chinese-CLIP was trained to read; its BERT has positions for more


class Clip(nn.Module, ABC):
    """A tower for pictures, of either kind; its children add one for sentences.

    Args:
        vision: the shape of the tower.
        embed: length of the embeddings.
    """

    mean, std = MEAN, STD

    def __init__(self, vision: VisionConfig | ResNetConfig, embed: int) -> None:
        super().__init__()
        self.visual = ResNet(vision, embed) if isinstance(vision, ResNetConfig) else VisionTransformer(vision, embed)
        self.logit_scale = nn.Parameter(torch.tensor(log(1 / 0.07)))  # exp of it multiplies the cosines in training

    @property
    def resolution(self) -> int:
        """Side of the square pictures that `encode_image` takes, in pixels."""
        return self.visual.config.resolution

    @property
    @abstractmethod
    def context(self) -> int:
        """Tokens of a sentence that it was trained to read, start and end included."""

    def encode_image(self, pixels: Tensor) -> Tensor:
        """[N, 3, R, R], normalised with `MEAN` and `STD` -> [N, embed], not unit length, in the pixels' dtype.

        Raises:
            ShapeError: the pictures are not squares of `resolution`.
        """
        return self.visual(pixels.to(self.logit_scale.dtype)).to(pixels.dtype)

    @abstractmethod
    def encode_text(self, tokens: Tensor) -> Tensor:
        """[P, L] int64, zeros after the end -> [P, embed], not unit length.

        Raises:
            ShapeError: the tokens are not [P, L], or L is longer than the tower knows positions.
        """


@dataclass(frozen=True)
class ClipConfig:
    """The shape of one Chinese-CLIP; `config_from_state` reads it off a file, except the numbers of heads.

    embed: length of the embeddings that both towers share.
    """

    embed: int
    vision: VisionConfig | ResNetConfig
    text: TextConfig


class ChineseClip(Clip):
    """A tower for pictures, a BERT for sentences, and the matrices that bring both to one length.

    Args:
        config: the shape.
    Source:
        cn-clip's CLIP; equal to it within 5e-5 (tests/golden).
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__(config.vision, config.embed)
        self.config = config
        self.bert = Bert(config.text)
        self.text_projection = normal_parameter(config.text.width, config.embed, std=config.text.width**-0.5)

    @property
    def context(self) -> int:
        """See `Clip`."""
        return min(CONTEXT, self.config.text.positions)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """See `Clip`."""
        return self.bert(tokens) @ self.text_projection


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None, text_heads: int | None = None
) -> ClipConfig:
    """The configuration of the Chinese-CLIP whose tensors have these names and shapes.

    Args:
        shapes: tensor name to shape, as in a file's header.
        heads, text_heads: override the rules of the towers' configurations; a file does not tell.
    Raises:
        KeyError: a tensor that every such network has is missing.
    """
    vocabulary, text_width = shapes["bert.embeddings.word_embeddings.weight"]
    layers = {name.split(".")[3] for name in shapes if name.startswith("bert.encoder.layer.")}
    return ClipConfig(
        embed=shapes["text_projection"][1],
        vision=vision_from_state(shapes, heads=heads),
        text=TextConfig(
            vocabulary=vocabulary,
            width=text_width,
            layers=len(layers),
            mlp=shapes["bert.encoder.layer.0.output.dense.weight"][1],
            positions=shapes["bert.embeddings.position_embeddings.weight"][0],
            heads=text_heads,
        ),
    )


def vision_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None
) -> VisionConfig | ResNetConfig:
    """The configuration of the tower for pictures: a ResNet where the file holds one, else a transformer.

    Args:
        shapes: tensor name to shape, as in a file's header.
        heads: overrides the rule of the tower's configuration; a file does not tell.
    Raises:
        KeyError: a tensor that every such tower has is missing.
    """
    resnet = "visual.attnpool.positional_embedding" in shapes
    return (clip_resnet if resnet else clip_vision).config_from_state(shapes, heads=heads)
