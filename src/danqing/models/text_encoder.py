"""Text encoder of a text-conditional U-Net: it turns a prompt into a vector that is added to the time embedding."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.models.clip_text import PAD, Bert, TextConfig, bert_from_state
from danqing.models.init import normal_parameter
from danqing.models.unet_blocks import zero_module

_SPECIAL_TOKENS = 2  # [CLS] and [SEP], which surround every prompt


@dataclass(frozen=True)
class TextEncoderConfig:
    """Configuration of a text encoder.

    bert: its transformer.
    projection: length of the sentence embedding.
    embedding: length of the output, that of the time embedding.
    """

    bert: TextConfig
    projection: int
    embedding: int


class TextEncoder(nn.Module):
    """A BERT, of which the projected first token and the mean of all tokens pass through an MLP.

    The first token is projected as in Chinese-CLIP, so that the encoder can start from the weights of one. With fresh
    weights the output is zero: training starts from the unconditional network.

    Args:
        config: its configuration.
    """

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.bert.width
        self.bert = Bert(config.bert)
        self.text_projection = normal_parameter(width, config.projection, std=width**-0.5)
        self.mlp = nn.Sequential(
            nn.Linear(config.projection + width, config.embedding),
            nn.SiLU(),
            zero_module(nn.Linear(config.embedding, config.embedding)),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode prompts.

        Args:
            tokens: [P, L] int64, with [CLS] and [SEP], `PAD` after the end.
        Returns:
            [P, embedding]; zeros for an empty prompt, which stands for "any image" in classifier-free guidance.
        Raises:
            ShapeError: the tokens are not [P, L], or L is larger than the number of positions.
        """
        count = (tokens != PAD).sum(1, keepdim=True)  # [P, 1]
        return self.mlp(self.features(tokens)) * (count > _SPECIAL_TOKENS)

    def features(self, tokens: Tensor) -> Tensor:
        """Return what the MLP reads, [P, projection + width], for prompts [P, L] with at least one token each."""
        states = self.bert.encode(tokens)  # [P, L, width]
        is_token = (tokens != PAD).unsqueeze(2)  # [P, L, 1]
        sentence = F.normalize(states[:, 0] @ self.text_projection, dim=1) * self.config.projection**0.5
        mean = (states * is_token).sum(1) / is_token.sum(1)
        return torch.cat([sentence, mean], dim=1)


def config_from_state(
    shapes: Mapping[str, tuple[int, ...]], prefix: str, *, embedding: int
) -> TextEncoderConfig | None:
    """Infer the configuration of a text encoder from the tensors of a U-Net.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
        prefix: of the names of the text encoder's tensors, with the dot.
        embedding: length of the time embedding of the U-Net.
    Returns:
        the configuration; None if there is no tensor with the prefix.
    Raises:
        KeyError: a required tensor is missing.
    """
    own = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    if not own:
        return None
    return TextEncoderConfig(bert_from_state(own), projection=own["text_projection"][1], embedding=embedding)
