"""Random augmentation of every cutout, so that guidance does not overfit to patterns seen from one exact position."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from danqing.types import RandomSource

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in a grayscale image (ITU-R 601)."""
MAX_ROTATION = math.radians(10)
"""Largest rotation, radians."""
MAX_TRANSLATION = 0.05
"""Largest translation, as a fraction of the side."""
GRAYSCALE_P = 0.1
"""Probability of conversion to grayscale."""
COLOR_JITTER = 0.1
"""Largest relative change of brightness, contrast and saturation, and of hue as a fraction of the full circle."""
NOISE_STD = 0.01 * math.sqrt(2 + 4 / 9)
"""Standard deviation of the noise. Disco Diffusion adds noise of 0.01 three times, once before the rotation, whose
interpolation reduces its variance to 4/9; here the sum is added at once."""
HUE_ROTATION = ((0.1677, 0.3293, -0.4970), (-0.3281, 0.0355, 0.2926), (1.2497, -1.0465, -0.2032))
"""Rotation of the I and Q axes of YIQ by a quarter turn, as a matrix on red, green and blue; gray maps to zero."""


@dataclass(frozen=True, eq=False, slots=True)
class Augmentation:
    """Parameters of the augmentation of each cutout.

    Args:
        affine: source coordinates of each output pixel, in [-1, 1], [n, B, 2, 3].
        colour: matrix on red, green and blue, [n, B, 3, 3].
        offset: fraction of the cutout's mean luma to add to every pixel, [n, B].
        noise: standard normal, [n, B, 3, R, R].
    """

    affine: Tensor
    colour: Tensor
    offset: Tensor
    noise: Tensor

    def select(self, rows: slice) -> "Augmentation":
        """Return the parameters of some of the cutouts."""
        return Augmentation(self.affine[rows], self.colour[rows], self.offset[rows], self.noise[rows])


def sample_augmentation(rng: RandomSource, purpose: str, index: int, *, count: int, resolution: int) -> Augmentation:
    """Sample the augmentation of `count` cutouts of every image, each independently.

    Args:
        rng: read as (purpose with "/noise" and "/change", index, ...).
        purpose: distinguishes the batches of cutouts of one step.
        index: respaced index of the step.
        count: cutouts of each image, n.
        resolution: side of a cutout, R.
    """
    noise = rng.normal(f"{purpose}/noise", index, (count, 3, resolution, resolution)).movedim(0, 1)
    uniform = rng.uniform(f"{purpose}/change", index, (count, 8)).movedim(0, 1)  # [n, B, 8]
    angle, right, down, brightness, contrast, saturation, hue = (2 * uniform[..., :7] - 1).unbind(-1)
    angle, right, down = angle * MAX_ROTATION, right * 2 * MAX_TRANSLATION, down * 2 * MAX_TRANSLATION
    rows = (torch.stack([angle.cos(), -angle.sin(), right], -1), torch.stack([angle.sin(), angle.cos(), down], -1))
    brightness, contrast, saturation = (1 + COLOR_JITTER * change for change in (brightness, contrast, saturation))
    saturation = torch.where(uniform[..., 7] < GRAYSCALE_P, 0, saturation)
    colour = (brightness * contrast)[..., None, None] * _colour_matrix(saturation, 2 * math.pi * COLOR_JITTER * hue)
    return Augmentation(torch.stack(rows, -2), colour, brightness * (1 - contrast), noise)


def augment(cutouts: Tensor, augmentation: Augmentation) -> Tensor:
    """Rotate and translate every cutout, change its colours, add noise, and clamp to [0, 1].

    Brightness, contrast, saturation, hue and grayscale are one matrix: Disco Diffusion applies them one after another in
    random order, rotates the hue in HSV instead of YIQ, and clamps after each.

    Args:
        cutouts: [n, B, 3, R, R] in [0, 1].
        augmentation: parameters for as many cutouts; moved to their device here.
    Returns:
        [n, B, 3, R, R]; pixels from outside of the cutout are black.
    """
    flat = cutouts.flatten(0, 1)  # [n * B, 3, R, R]
    params = (augmentation.affine, augmentation.colour, augmentation.offset, augmentation.noise)
    affine, colour, offset, noise = (tensor.flatten(0, 1).to(cutouts.device) for tensor in params)
    grid = F.affine_grid(affine, list(flat.shape), align_corners=False)
    moved = F.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False).flatten(2)
    luma = moved.mean(-1) @ moved.new_tensor(LUMA)  # [n * B]
    added = noise.flatten(2) * NOISE_STD + (offset * luma)[:, None, None]  # [n * B, 3, R * R]
    return torch.baddbmm(added, colour, moved).clamp(0, 1).view_as(cutouts)


def _colour_matrix(saturation: Tensor, hue: Tensor) -> Tensor:
    """Return the matrix that keeps the luma and scales and rotates (radians) the chroma: [...] -> [..., 3, 3]."""
    gray = torch.tensor(LUMA).expand(3, 3)
    saturation, hue = saturation[..., None, None], hue[..., None, None]
    return gray + saturation * (hue.cos() * (torch.eye(3) - gray) + hue.sin() * torch.tensor(HUE_ROTATION))
