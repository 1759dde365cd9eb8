"""Small random changes of every cut, so that CLIP is not won over by a pattern that only one exact view shows."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from danqing.types import Randomness

LUMA = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in a grayscale picture (ITU-R 601)."""
TURN = math.radians(10)
"""Largest rotation, radians."""
SHIFT = 0.05
"""Largest shift, as a share of the side."""
GRAY = 0.1
"""Chance of losing all colour."""
JITTER = 0.1
"""Largest change of brightness, contrast and saturation, as a share, and of hue, as a share of the full circle."""
NOISE = 0.01 * math.sqrt(2 + 4 / 9)
"""The original adds noise of 0.01 three times, once before the rotation, which averages it down to 4/9 of its variance.
What arrives is added here in one go."""
HUE = ((0.1677, 0.3293, -0.4970), (-0.3281, 0.0355, 0.2926), (1.2497, -1.0465, -0.2032))
"""The quarter turn of the I and Q axes of YIQ, written for red, green and blue; gray turns to nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class Augmentation:
    """What happens to each cut.

    Args:
        affine: where each output pixel comes from, in coordinates of [-1, 1], [n, B, 2, 3].
        colour: matrix on red, green and blue, [n, B, 3, 3].
        lift: share of the cut's mean luma to add everywhere, [n, B].
        noise: [n, B, 3, R, R], of standard deviation 1.
    """

    affine: Tensor
    colour: Tensor
    lift: Tensor
    noise: Tensor

    def part(self, piece: slice) -> "Augmentation":
        """What happens to some of the cuts."""
        return Augmentation(self.affine[piece], self.colour[piece], self.lift[piece], self.noise[piece])


def plan_augmentation(draws: Randomness, purpose: str, k: int, *, count: int, resolution: int) -> Augmentation:
    """Draw what happens to `count` cuts of every picture, each on its own.

    Args:
        draws: read as (purpose with "/noise" and "/change", k, ...).
        purpose: tells the cuts of one step apart.
        k: the step.
        count: cuts of each picture, n.
        resolution: side of a cut, R.
    """
    noise = draws.normal(f"{purpose}/noise", k, (count, 3, resolution, resolution)).movedim(0, 1)
    chance = draws.uniform(f"{purpose}/change", k, (count, 8)).movedim(0, 1)  # [n, B, 8]
    angle, across, down, brightness, contrast, saturation, hue = (2 * chance[..., :7] - 1).unbind(-1)
    angle, across, down = angle * TURN, across * 2 * SHIFT, down * 2 * SHIFT
    rows = (torch.stack([angle.cos(), -angle.sin(), across], -1), torch.stack([angle.sin(), angle.cos(), down], -1))
    brightness, contrast, saturation = (1 + JITTER * part for part in (brightness, contrast, saturation))
    saturation = torch.where(chance[..., 7] < GRAY, 0, saturation)
    colour = (brightness * contrast)[..., None, None] * _colour(saturation, 2 * math.pi * JITTER * hue)
    return Augmentation(torch.stack(rows, -2), colour, brightness * (1 - contrast), noise)


def augment(cuts: Tensor, plan: Augmentation) -> Tensor:
    """Turn, recolour and roughen every cut, in this order, and clamp to [0, 1].

    Brightness, contrast, saturation, hue and graying are one matrix: the original applies them one after another in
    random order, turns the hue in HSV rather than YIQ, and clamps after each.

    Args:
        cuts: [n, B, 3, R, R] in [0, 1].
        plan: for as many cuts, moved to their device here.
    Returns:
        [n, B, 3, R, R]; what is turned in from outside is black.
    """
    flat = cuts.flatten(0, 1)  # [n * B, 3, R, R]
    affine, colour, lift, noise = (
        part.flatten(0, 1).to(cuts.device) for part in (plan.affine, plan.colour, plan.lift, plan.noise)
    )
    grid = F.affine_grid(affine, list(flat.shape), align_corners=False)
    turned = F.grid_sample(flat, grid, mode="bilinear", padding_mode="zeros", align_corners=False).flatten(2)
    luma = turned.mean(-1) @ turned.new_tensor(LUMA)  # [n * B]
    added = noise.flatten(2) * NOISE + (lift * luma)[:, None, None]  # [n * B, 3, R * R]
    return torch.baddbmm(added, colour, turned).clamp(0, 1).view_as(cuts)


def _colour(saturation: Tensor, hue: Tensor) -> Tensor:
    """Keep the luma, scale the rest by `saturation` and turn it by `hue` radians: [...] -> [..., 3, 3]."""
    gray = torch.tensor(LUMA).expand(3, 3)
    saturation, hue = saturation[..., None, None], hue[..., None, None]
    return gray + saturation * (hue.cos() * (torch.eye(3) - gray) + hue.sin() * torch.tensor(HUE))
