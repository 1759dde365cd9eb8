"""Degradation of the CLIP's training pictures: random crops, rotations, blur, noise and colour."""

from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

from danqing.train.config import DegradationConfig

LUMA = (0.299, 0.587, 0.114)
RADIUS = 4  # of the blur kernel, in pixels


def degrade(
    pictures: Tensor, config: DegradationConfig, generator: torch.Generator, *, resolution: int | None = None
) -> Tensor:
    """Degrade a share of the pictures; the first ones are only resized.

    Args:
        pictures: [N, 3, S, S] in [0, 1].
        config: strengths and shares.
        generator: on the pictures' device.
        resolution: side R that the pictures are reduced to, at least S / 2 so that crops stay sharp; None keeps S.
    Returns:
        [N, 3, R, R]; noise can exceed [0, 1] a little.
    """
    resolution = resolution or pictures.shape[-1]
    clean = round(len(pictures) * config.clean)
    whole = F.interpolate(pictures[:clean], (resolution, resolution), mode="area")
    if clean == len(pictures):
        return whole
    degraded = _view(pictures[clean:], config, generator, resolution)
    degraded = _blur(degraded, config.blur * _draw(degraded, generator))
    degraded = _recolour(degraded, config, generator)
    level = (
        config.noise * _draw(degraded, generator).square()[:, None, None, None]
    )  # squared, so that most pictures get little noise
    degraded = degraded + level * torch.randn(degraded.shape, generator=generator, device=degraded.device)
    return torch.cat([whole, degraded])


def _draw(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one number in [0, 1) for each picture: [N]."""
    return torch.rand(len(pictures), generator=generator, device=pictures.device)


def _view(pictures: Tensor, config: DegradationConfig, generator: torch.Generator, resolution: int) -> Tensor:
    """Cut a randomly placed and rotated square out of each picture, `resolution` pixels wide."""
    side = config.crop + (1 - config.crop) * _draw(pictures, generator)  # [N]
    angle = radians(config.tilt) * (2 * _draw(pictures, generator) - 1)
    across, down = ((1 - side) * (2 * _draw(pictures, generator) - 1) for _ in range(2))
    cos, sin = side * angle.cos(), side * angle.sin()
    matrix = torch.stack([torch.stack([cos, -sin, across], 1), torch.stack([sin, cos, down], 1)], 1)  # [N, 2, 3]
    grid = F.affine_grid(matrix, [len(pictures), 3, resolution, resolution], align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _blur(pictures: Tensor, deviation: Tensor) -> Tensor:
    """Blur each picture by a Gaussian of its own: deviation [N], in pixels; below a third of a pixel it has no effect."""
    n, channels, height, width = pictures.shape
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=pictures.device)
    kernel = torch.exp(-(offsets**2) / (2 * deviation.clamp(min=0.1)[:, None] ** 2))  # [N, 2*RADIUS + 1]
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(pictures, (RADIUS,) * 4, mode="reflect").reshape(1, n * channels, height + 2 * RADIUS, -1)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=n * channels)
    return F.conv2d(flat, kernel[:, None, None, :], groups=n * channels).view(n, channels, height, width)


def _recolour(pictures: Tensor, config: DegradationConfig, generator: torch.Generator) -> Tensor:
    """Change brightness and contrast at random, and make some pictures gray."""
    contrast = (1 + config.jitter * (2 * _draw(pictures, generator) - 1))[:, None, None, None]
    brightness = (config.jitter * (2 * _draw(pictures, generator) - 1))[:, None, None, None]
    luma = torch.tensor(LUMA, device=pictures.device)
    gray = torch.einsum("nchw,c->nhw", pictures, luma)[:, None].expand_as(pictures)
    chosen = (_draw(pictures, generator) < config.gray)[:, None, None, None]
    return (torch.where(chosen, gray, pictures) - 0.5) * contrast + 0.5 + brightness
