"""The transformer of CLIP's image encoder and of OpenAI's text encoder. Parameter names as in the original."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.models.init import normal_parameter

_QUICK_GELU = 1.702


class Transformer(nn.Module):
    """Sequence of blocks: [N, L, width] -> the same.

    Args:
        width, layers, heads: channels, depth, attention heads.
        causal: tokens attend to themselves and earlier tokens only.
    Raises:
        ValueError: `width` is not a multiple of `heads`.
    """

    def __init__(self, width: int, layers: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width, layers, heads, causal=causal) for _ in range(layers)))

    def forward(self, h: Tensor, count: int | None = None) -> Tensor:
        """[N, L, width] -> [N, count, width], the first tokens; all by default.

        The last block computes only these tokens; for one token this is about a sixth of the work of the block.
        """
        *blocks, last = self.resblocks
        for block in blocks:
            h = block(h)
        return last(h, count)


class Block(nn.Module):
    """Transformer block with pre-normalisation."""

    def __init__(self, width: int, layers: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.attn = Attention(width, layers, heads, causal=causal)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Mlp(width, layers)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, h: Tensor, count: int | None = None) -> Tensor:
        """[N, L, width] -> [N, count, width], the first tokens; all by default."""
        h = h[:, :count] + self.attn(self.ln_1(h), count)
        return h + self.mlp(self.ln_2(h))


class Attention(nn.Module):
    """Self-attention; queries, keys and values are rows of one matrix, in this order.

    Raises:
        ValueError: `width` is not a multiple of `heads`.
    """

    def __init__(self, width: int, layers: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} attention heads do not divide {width} channels; set heads")
        self.heads = heads
        self.causal = causal
        self.in_proj_weight = normal_parameter(3 * width, width, std=width**-0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.normal_(self.out_proj.weight, std=(2 * layers * width) ** -0.5)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, h: Tensor, count: int | None = None) -> Tensor:
        """[N, L, width] -> [N, count, width], the first tokens, which attend to all tokens; all by default."""
        n, length, width = h.shape
        if count is None:
            qkv = F.linear(h, self.in_proj_weight, self.in_proj_bias).view(n, length, 3, self.heads, -1)
            q, k, v = qkv.transpose(1, 3).unbind(dim=2)  # [N, heads, L, width/heads] each
        else:
            q = F.linear(h[:, :count], self.in_proj_weight[:width], self.in_proj_bias[:width])
            kv = F.linear(h, self.in_proj_weight[width:], self.in_proj_bias[width:]).view(n, length, 2, self.heads, -1)
            q = q.view(n, -1, self.heads, width // self.heads).transpose(1, 2)  # [N, heads, count, width/heads]
            k, v = kv.transpose(1, 3).unbind(dim=2)
        if h.is_cpu and h.dtype.itemsize == 2 and not self.causal:
            out = _plain_attention(q, k, v)
        else:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out_proj(out.transpose(1, 2).flatten(2))


def _plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Compute attention by matrix products; on the CPU in half precision, the fused kernel takes twice as long."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # [N, heads, L, L]
    return scores.softmax(-1) @ v


class Mlp(nn.Module):
    """Two linear layers with QuickGELU, x * sigmoid(1.702 x), between them."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)
        nn.init.normal_(self.c_fc.weight, std=(2 * width) ** -0.5)
        nn.init.normal_(self.c_proj.weight, std=(2 * layers * width) ** -0.5)

    def forward(self, h: Tensor) -> Tensor:
        """[N, L, width] -> the same."""
        # Written as SiLU, so that one tensor of this width is saved for backward instead of two.
        return self.c_proj(F.silu(self.c_fc(h).mul_(_QUICK_GELU)).mul_(1 / _QUICK_GELU))
