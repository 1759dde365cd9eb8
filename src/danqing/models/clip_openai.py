"""OpenAI's CLIP. Parameter names as in the original."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.clip import Clip, vision_from_state
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_transformer import Transformer
from danqing.models.clip_vision import VisionConfig
from danqing.models.init import normal_parameter


@dataclass(frozen=True)
class OpenAiConfig:
    """Configuration of an OpenAI CLIP; `config_from_state` infers all but the numbers of heads from a file.

    embed: length of the embeddings.
    vocabulary: number of tokens; positions: context length.
    width, layers: channels and depth of the text encoder.
    heads: attention heads of the text encoder; None: 64 channels per head, as in all published models.
    """

    embed: int
    vision: VisionConfig | ResNetConfig
    vocabulary: int
    positions: int
    width: int
    layers: int
    heads: int | None = None


def text_heads(config: OpenAiConfig) -> int:
    """Return the number of attention heads of the text encoder."""
    return config.heads or max(1, config.width // 64)


class OpenAiClip(Clip):
    """Image encoder and causal text transformer.

    Args:
        config: the configuration.
    Source:
        OpenAI's CLIP, with QuickGELU; equal to it within 5e-5 (tests/golden).
    """

    def __init__(self, config: OpenAiConfig) -> None:
        super().__init__(config.vision, config.embed)
        self.config = config
        self.transformer = Transformer(config.width, config.layers, text_heads(config), causal=True)
        self.token_embedding = nn.Embedding(config.vocabulary, config.width)
        self.positional_embedding = normal_parameter(config.positions, config.width, std=0.01)
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = normal_parameter(config.width, config.embed, std=config.width**-0.5)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    @property
    def context(self) -> int:
        """See `Clip`."""
        return self.config.positions

    def encode_text(self, tokens: Tensor) -> Tensor:
        """See `Clip`. The largest token id marks the end; tokens after it have no effect."""
        if tokens.ndim != 2 or tokens.shape[1] > self.config.positions:
            raise ShapeError(f"tokens are {list(tokens.shape)}, expected [P, L] with L <= {self.config.positions}")
        h: Tensor = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]  # [P, L, width]
        h = self.transformer(h)
        ends = h[torch.arange(len(h), device=h.device), tokens.argmax(1)]  # [P, width]
        return self.ln_final(ends) @ self.text_projection


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], *, heads: int | None = None, text_heads: int | None = None
) -> OpenAiConfig:
    """Infer the configuration of an OpenAI CLIP from its tensors.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        heads, text_heads: number of attention heads, if it differs from the rules of the configurations.
    Raises:
        KeyError: a required tensor is missing.
    """
    vocabulary, width = shapes["token_embedding.weight"]
    layers = {name.split(".")[2] for name in shapes if name.startswith("transformer.resblocks.")}
    return OpenAiConfig(
        embed=shapes["text_projection"][1],
        vision=vision_from_state(shapes, heads=heads),
        vocabulary=vocabulary,
        positions=shapes["positional_embedding"][0],
        width=width,
        layers=len(layers),
        heads=text_heads,
    )
