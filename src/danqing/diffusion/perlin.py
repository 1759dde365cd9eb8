"""Perlin noise in several octaves, as an initial image."""

from typing import Literal

import torch
from torch import Tensor

from danqing.types import RandomSource

PerlinMode = Literal["color", "gray", "mixed"]


def perlin_init(rng: RandomSource, *, size: tuple[int, int], mode: PerlinMode = "mixed") -> Tensor:
    """Generate one noise image per seed: the mean of a coarse and a fine noise field.

    Args:
        rng: read as ("perlin/coarse" and "perlin/fine", octave, ...).
        size: width and height in pixels.
        mode: "color": both fields have colour; "gray": none; "mixed": only the coarse field.
    Returns:
        [B, 3, H, W] in [-1, 1].
    """
    coarse = _field(rng, "perlin/coarse", size=size, octaves=12, cells=1, channels=1 if mode == "gray" else 3)
    fine = _field(rng, "perlin/fine", size=size, octaves=8, cells=4, channels=3 if mode == "color" else 1)
    return coarse + fine - 1  # (coarse + fine) / 2, from [0, 1] to [-1, 1]; one channel serves all three


def _field(
    rng: RandomSource, purpose: str, *, size: tuple[int, int], octaves: int, cells: int, channels: int
) -> Tensor:
    """Sum octaves of half the cell size and 2/3 the amplitude each, rescaled to [0, 1]: [B, 3, H, W]."""
    total = torch.tensor(0.5)
    for octave in range(octaves):
        count = cells * 2**octave
        if count > max(size):
            break  # cells smaller than a pixel are not visible
        gradients = rng.normal(purpose, octave, (channels, 2, count + 1, count + 1))
        total = total + 0.5 * 1.5**-octave * _gradient_noise(gradients, size)
    total = total.clamp(0, 1)  # [B, channels, H, W]
    low, high = total.amin((2, 3), keepdim=True), total.amax((2, 3), keepdim=True)
    stretched = (total - low) / (high - low).clamp(min=1e-6)
    return stretched.expand(-1, 3, -1, -1)


def _gradient_noise(gradients: Tensor, size: tuple[int, int]) -> Tensor:
    """Return one octave: lattice gradients (x, y) [B, channels, 2, n + 1, n + 1] -> [B, channels, H, W]."""
    cells = gradients.shape[-1] - 1
    (column, dx), (row, dy) = (_lattice(length, cells) for length in size)  # [W], [W], [H], [H]
    dy = dy[:, None]
    corners: list[Tensor] = []
    for down in (0, 1):
        for right in (0, 1):
            gx, gy = gradients[:, :, :, row + down][..., column + right].unbind(2)  # [B, channels, H, W]
            weight = _fade(dx if right else 1 - dx) * _fade(dy if down else 1 - dy)
            corners.append(weight * (gx * (dx - right) + gy * (dy - down)))
    return torch.stack(corners).sum(0)


def _lattice(length: int, cells: int) -> tuple[Tensor, Tensor]:
    """Return, for the centre of every pixel, the index of its cell and its position in the cell, 0..1."""
    position = (torch.arange(length) + 0.5) / length * cells
    return position.long(), position - position.floor()


def _fade(distance: Tensor) -> Tensor:
    return distance * distance * (3 - 2 * distance)
