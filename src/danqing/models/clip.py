"""Chinese-CLIP, and the base class of all CLIPs. Parameter names as in the original."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

import torch
from torch import Tensor, nn

from danqing.models import clip_resnet, clip_vision
from danqing.models.clip_resnet import ResNet, ResNetConfig
from danqing.models.clip_text import Bert, TextConfig, bert_from_state
from danqing.models.clip_vision import VisionConfig, VisionTransformer
from danqing.models.init import normal_parameter
from danqing.models.tokenizer import MAX_CONTEXT

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training images: red, green, blue, in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)


class Clip(nn.Module, ABC):
    """Base class with the image encoder; subclasses add the text encoder.

    Args:
        vision: configuration of the image encoder.
        embed: length of the embeddings.
    """

    mean, std = MEAN, STD

    def __init__(self, vision: VisionConfig | ResNetConfig, embed: int) -> None:
        super().__init__()
        self.visual = ResNet(vision, embed) if isinstance(vision, ResNetConfig) else VisionTransformer(vision, embed)
        self.logit_scale = nn.Parameter(torch.tensor(log(1 / 0.07)))  # its exponential scales the cosines in training

    @property
    def resolution(self) -> int:
        """Side of the square input of `encode_image`, in pixels."""
        return self.visual.config.resolution

    @property
    @abstractmethod
    def context(self) -> int:
        """Context length in tokens, including start and end."""

    def encode_image(self, pixels: Tensor) -> Tensor:
        """[N, 3, R, R], normalised with `MEAN` and `STD` -> [N, embed], not unit length, in the pixels' dtype.

        Raises:
            ShapeError: the images are not squares of side `resolution`.
        """
        return self.visual(pixels.to(self.logit_scale.dtype)).to(pixels.dtype)

    @abstractmethod
    def encode_text(self, tokens: Tensor) -> Tensor:
        """[P, L] int64, zeros after the end -> [P, embed], not unit length.

        Raises:
            ShapeError: the tokens are not [P, L], or L is larger than the number of positions.
        """


@dataclass(frozen=True)
class ClipConfig:
    """Configuration of a Chinese-CLIP; `config_from_state` infers all but the numbers of heads from a file.

    embed: length of the embeddings.
    """

    embed: int
    vision: VisionConfig | ResNetConfig
    text: TextConfig


class ChineseClip(Clip):
    """Image encoder, BERT text encoder, and projections to embeddings of equal length.

    Args:
        config: the configuration.
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
        return min(MAX_CONTEXT, self.config.text.positions)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """See `Clip`."""
        return self.bert(tokens) @ self.text_projection


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None, text_heads: int | None = None
) -> ClipConfig:
    """Infer the configuration of a Chinese-CLIP from its tensors.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads, text_heads: number of attention heads, if it differs from the rules of the configurations.
    Raises:
        KeyError: a required tensor is missing.
    """
    return ClipConfig(
        embed=shapes["text_projection"][1],
        vision=vision_from_state(shapes, heads=heads),
        text=replace(bert_from_state(shapes), heads=text_heads),
    )


def vision_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None
) -> VisionConfig | ResNetConfig:
    """Infer the configuration of the image encoder, a ResNet or a vision transformer.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads: number of attention heads, if it differs from the rule of the configuration.
    Raises:
        KeyError: a required tensor is missing.
    """
    resnet = "visual.attnpool.positional_embedding" in shapes
    return (clip_resnet if resnet else clip_vision).config_from_state(shapes, heads=heads)
