"""Blurred sentences: noisy copies of every text embedding, so that a picture aims at a neighbourhood, not a point."""

import torch
from torch import Tensor

from danqing.types import Randomness

COPIES = 25
"""Noisy copies that take the place of each embedding."""


def fuzzy_copies(
    texts: Tensor, weights: Tensor, *, draws: Randomness, magnitude: float, critic: int = 0
) -> tuple[Tensor, Tensor]:
    """Replace every embedding by noisy copies, each picture's its own.

    Args:
        texts: [P, D].
        weights: [P], or [T, P] for T moments.
        draws: read as ("fuzzy", critic, (25, P, D)).
        magnitude: standard deviation of the noise.
        critic: number of the CLIP whose embeddings these are.
    Returns:
        embeddings [B, 25 * P, D] and weights [25 * P] or [T, 25 * P] with the same sum; nothing is clipped.
    """
    noise = draws.normal("fuzzy", critic, (COPIES, *texts.shape)).to(texts.device)  # [B, 25, P, D]
    return (texts + magnitude * noise).flatten(1, 2), torch.cat([weights / COPIES] * COPIES, dim=-1)
