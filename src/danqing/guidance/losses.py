"""Guidance losses (CLIP distance, TV, range, saturation, multiscale MSE) and gradient clamping."""

import torch
from torch import Tensor
from torch.nn import functional as F

from danqing.errors import InvalidRequest, ShapeError

PYRAMID_LEVELS = 4
"""Number of scales that `pyramid_mse` compares."""


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return half the squared great-circle angle between embeddings.

    Args:
        a: image embeddings, [n, B, 1, D]; normalised here.
        b: text embeddings, [P, D] or [B, P, D]; normalised here.
    Returns:
        [n, B, P], radians squared, in [0, pi**2 / 2].
    Raises:
        ShapeError: the last dimensions differ.
    Source:
        Disco Diffusion's loss; equal to it within 1e-6 (tests/golden).
    """
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"embeddings of {a.shape[-1]} and {b.shape[-1]} numbers cannot be compared")
    chord = (F.normalize(a, dim=-1) - F.normalize(b, dim=-1)).square().sum(-1)
    # The gradient of the root is infinite for equal embeddings, that of the arcsine for opposite ones.
    return 2 * torch.asin((chord / 4).clamp(1e-20, 1 - 1e-7).sqrt()).square()


def tv_loss(image: Tensor) -> Tensor:
    """Return the mean squared difference between adjacent pixels: [B, C, H, W] -> [B]."""
    across = image[..., 1:] - image[..., :-1]
    down = image[..., 1:, :] - image[..., :-1, :]
    return (across.square().sum((1, 2, 3)) + down.square().sum((1, 2, 3))) / image[0].numel()


def range_loss(image: Tensor) -> Tensor:
    """Return the mean squared distance from the range [-1, 1]: [B, C, H, W] -> [B]."""
    return _excess(image).square().mean((1, 2, 3))


def saturation_loss(image: Tensor) -> Tensor:
    """Return the mean absolute distance from the range [-1, 1]: [B, C, H, W] -> [B]."""
    return _excess(image).abs().mean((1, 2, 3))


def pyramid_mse(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared difference, averaged over a pyramid of scales.

    The stand-in for LPIPS where its weights are not installed. Coarse scales compare composition and colour, fine
    scales edges; textures are not compared.

    Args:
        a: images, [B, 3, H, W], about [-1, 1].
        b: [1 or B, 3, H, W].
    Returns:
        [B], 0 for equal images.
    """
    difference = a - b  # pooling is linear, so the pyramid of the difference is the difference of the pyramids
    total = torch.zeros(len(difference), device=a.device)
    for level in range(PYRAMID_LEVELS):
        if level:
            difference = F.avg_pool2d(difference, 2)
        total = total + difference.square().flatten(1).mean(1)
    return total / PYRAMID_LEVELS


def normalise_weights(weights: Tensor) -> Tensor:
    """Divide prompt weights by the absolute value of their sum.

    Args:
        weights: [P], or [T, P] for T timesteps, of any sign.
    Returns:
        the same shape, float32; the sum at each timestep is 1 or -1, or 0 if all weights are 0.
    Raises:
        InvalidRequest: the weights add up to 0 at some timestep, or are 0 at every timestep.
    """
    total = weights.float().sum(-1, keepdim=True).abs()
    nonzero = weights.any(-1, keepdim=True)
    if not bool(nonzero.any()) or bool((nonzero & (total < 1e-3)).any()):
        raise InvalidRequest(
            "各句画题的权重之和为零。请修改其中一个权重。",
            "The weights of the prompts add up to zero. Change one of them.",
            field="prompts",
        )
    return weights.float() / total.clamp(min=1e-3)


def clamp_gradient(gradient: Tensor, limit: float) -> Tensor:
    """Scale the gradient of each image down to a root mean square of at most `limit`.

    Args:
        gradient: [B, C, H, W]; zeros remain zeros.
        limit: the largest RMS.
    Returns:
        [B, C, H, W].
    """
    rms = gradient.square().mean((1, 2, 3), keepdim=True).sqrt()
    return gradient * (limit / rms.clamp(min=1e-30)).clamp(max=1)


def _excess(image: Tensor) -> Tensor:
    return image - image.clamp(-1, 1)
