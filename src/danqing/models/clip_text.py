"""Chinese-CLIP's text encoder, a BERT. Parameter names as in the original."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError

PAD = 0  # id of [PAD]; `tokenizer.Tokenizer` rejects vocabularies with another


@dataclass(frozen=True)
class TextConfig:
    """Configuration of a BERT.

    vocabulary: number of tokens; positions: largest sequence length.
    width, layers, mlp: channels, depth, hidden channels of the MLPs.
    heads: attention heads; None: 64 channels per head, as in all published models.
    """

    vocabulary: int
    width: int
    layers: int
    mlp: int
    positions: int = 512
    heads: int | None = None


def text_heads(config: TextConfig) -> int:
    """Return the number of attention heads."""
    return config.heads or max(1, config.width // 64)


class Bert(nn.Module):
    """Text encoder.

    Args:
        config: the configuration.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = BertEncoder(config)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the output at the first token of each sequence.

        Args:
            tokens: [P, L] int64, `PAD` after the end, L at most `config.positions`.
        Returns:
            [P, width].
        Raises:
            ShapeError: the tokens are not [P, L], or L is too long.
        """
        return self.encode(tokens)[:, 0]

    def encode(self, tokens: Tensor) -> Tensor:
        """Return the output at every token, [P, L, width]; arguments and errors as for `forward`."""
        if tokens.ndim != 2 or tokens.shape[1] > self.config.positions:
            raise ShapeError(f"tokens are {list(tokens.shape)}, expected [P, L] with L <= {self.config.positions}")
        mask = (tokens != PAD)[:, None, None, :]  # [P, 1, 1, L], True at tokens to attend to
        return self.encoder(self.embeddings(tokens), mask)


class Embeddings(nn.Module):
    """Sum of token, position and type embeddings: [P, L] -> [P, L, width]."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.token_type_embeddings = nn.Embedding(2, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=1e-12)

    def forward(self, tokens: Tensor) -> Tensor:
        """[P, L] int64 -> [P, L, width]."""
        positions = self.position_embeddings.weight[: tokens.shape[1]]  # [L, width]
        token_type = self.token_type_embeddings.weight[0]  # [width]; all tokens have type 0
        return self.LayerNorm(self.word_embeddings(tokens) + positions + token_type)


class BertEncoder(nn.Module):
    """Sequence of layers: [P, L, width] -> the same."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(config.layers))

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """h [P, L, width], mask [P, 1, 1, L] bool -> [P, L, width]."""
        for layer in self.layer:
            h = layer(h, mask)
        return h


class BertLayer(nn.Module):
    """Transformer layer with post-normalisation and a GELU MLP."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.width, config.mlp)})
        self.output = AddNorm(config.mlp, config.width)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """h [P, L, width], mask [P, 1, 1, L] bool -> [P, L, width]."""
        h = self.attention(h, mask)
        return self.output(F.gelu(self.intermediate["dense"](h)), h)


class Attention(nn.Module):
    """Self-attention with residual connection and post-normalisation.

    Raises:
        ValueError: the width is not a multiple of the number of heads.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = text_heads(config)
        if config.width % self.heads:
            raise ValueError(f"{self.heads} attention heads do not divide {config.width} channels; set heads")
        self.self = nn.ModuleDict({name: nn.Linear(config.width, config.width) for name in ("query", "key", "value")})
        self.output = AddNorm(config.width, config.width)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """h [P, L, width], mask [P, 1, 1, L] bool -> [P, L, width]."""
        q, k, v = (self._split(self.self[name](h)) for name in ("query", "key", "value"))
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # [P, heads, L, width/heads]
        return self.output(out.transpose(1, 2).flatten(2), h)

    def _split(self, h: Tensor) -> Tensor:
        """[P, L, width] -> [P, heads, L, width/heads]."""
        return h.view(*h.shape[:2], self.heads, -1).transpose(1, 2)


class AddNorm(nn.Module):
    """Linear layer, addition of the residual, layer normalisation."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, out)
        self.LayerNorm = nn.LayerNorm(out, eps=1e-12)

    def forward(self, h: Tensor, residual: Tensor) -> Tensor:
        """h [P, L, width], residual [P, L, out] -> [P, L, out]."""
        return self.LayerNorm(self.dense(h) + residual)


def bert_from_state(shapes: Mapping[str, tuple[int, ...]]) -> TextConfig:
    """Infer the configuration of the BERT whose tensor names begin with "bert.".

    Raises:
        KeyError: a required tensor is missing.
    """
    vocabulary, width = shapes["bert.embeddings.word_embeddings.weight"]
    return TextConfig(
        vocabulary=vocabulary,
        width=width,
        layers=len({name.split(".")[3] for name in shapes if name.startswith("bert.encoder.layer.")}),
        mlp=shapes["bert.encoder.layer.0.output.dense.weight"][1],
        positions=shapes["bert.embeddings.position_embeddings.weight"][0],
    )
