"""What the encoder's training pictures suffer: crops, tilts, blur, noise and lost colour, each picture its own."""

from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

from danqing.train.config import DegradationConfig

LUMA = (0.299, 0.587, 0.114)
RADIUS = 4  # of the blur kernel, in pixels


def blemish(
    pictures: Tensor, blemishes: DegradationConfig, generator: torch.Generator, *, resolution: int | None = None
) -> Tensor:
    """Spoil a share of the pictures; the first ones stay clean.

    Args:
        pictures: [N, 3, S, S] in [0, 1].
        blemishes: how much.
        generator: on the pictures' device.
        resolution: side R that the pictures are reduced to, at least S / 2 so that crops stay sharp; None keeps S.
    Returns:
        [N, 3, R, R], a little outside [0, 1] where noise pushes it.
    """
    resolution = resolution or pictures.shape[-1]
    clean = round(len(pictures) * blemishes.clean)
    whole = F.interpolate(pictures[:clean], (resolution, resolution), mode="area")
    if clean == len(pictures):
        return whole
    spoilt = _view(pictures[clean:], blemishes, generator, resolution)
    spoilt = _blur(spoilt, blemishes.blur * _draw(spoilt, generator))
    spoilt = _recolour(spoilt, blemishes, generator)
    level = blemishes.noise * _draw(spoilt, generator).square()[:, None, None, None]  # mostly little noise
    spoilt = spoilt + level * torch.randn(spoilt.shape, generator=generator, device=spoilt.device)
    return torch.cat([whole, spoilt])


def _draw(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """[N] in [0, 1), one number for each picture."""
    return torch.rand(len(pictures), generator=generator, device=pictures.device)


def _view(pictures: Tensor, blemishes: DegradationConfig, generator: torch.Generator, resolution: int) -> Tensor:
    """A tilted square out of every picture, `resolution` pixels wide."""
    side = blemishes.crop + (1 - blemishes.crop) * _draw(pictures, generator)  # [N]
    angle = radians(blemishes.tilt) * (2 * _draw(pictures, generator) - 1)
    across, down = ((1 - side) * (2 * _draw(pictures, generator) - 1) for _ in range(2))
    cos, sin = side * angle.cos(), side * angle.sin()
    matrix = torch.stack([torch.stack([cos, -sin, across], 1), torch.stack([sin, cos, down], 1)], 1)  # [N, 2, 3]
    grid = F.affine_grid(matrix, [len(pictures), 3, resolution, resolution], align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def _blur(pictures: Tensor, deviation: Tensor) -> Tensor:
    """Each picture blurred by its own Gaussian: deviation [N], in pixels; below a third it does nothing."""
    n, channels, height, width = pictures.shape
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=pictures.device)
    kernel = torch.exp(-(offsets**2) / (2 * deviation.clamp(min=0.1)[:, None] ** 2))  # [N, 2*RADIUS + 1]
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(pictures, (RADIUS,) * 4, mode="reflect").reshape(1, n * channels, height + 2 * RADIUS, -1)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=n * channels)
    return F.conv2d(flat, kernel[:, None, None, :], groups=n * channels).view(n, channels, height, width)


def _recolour(pictures: Tensor, blemishes: DegradationConfig, generator: torch.Generator) -> Tensor:
    """Brightness and contrast a little off; some pictures without colour."""
    contrast = (1 + blemishes.jitter * (2 * _draw(pictures, generator) - 1))[:, None, None, None]
    brightness = (blemishes.jitter * (2 * _draw(pictures, generator) - 1))[:, None, None, None]
    luma = torch.tensor(LUMA, device=pictures.device)
    gray = torch.einsum("nchw,c->nhw", pictures, luma)[:, None].expand_as(pictures)
    chosen = (_draw(pictures, generator) < blemishes.gray)[:, None, None, None]
    return (torch.where(chosen, gray, pictures) - 0.5) * contrast + 0.5 + brightness
