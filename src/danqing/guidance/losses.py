"""What guidance minimises: distance from the sentence, roughness, and leaving the range; and how hard it may pull."""

import torch
from torch import Tensor
from torch.nn import functional as F

from danqing.errors import InvalidRequest, ShapeError


def spherical_distance(a: Tensor, b: Tensor) -> Tensor:
    """Half the squared great-circle angle between two embeddings.

    Args:
        a: image embeddings, [n_cuts, B, 1, D]; normalised here.
        b: text embeddings, [P, D] or [B, P, D]; normalised here.
    Returns:
        [n_cuts, B, P], radians squared, in [0, pi**2 / 2].
    Raises:
        ShapeError: the last dimensions differ.
    Source:
        Disco Diffusion's loss; equal to it within 1e-6 (tests/golden).
    """
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"embeddings of {a.shape[-1]} and {b.shape[-1]} numbers cannot be compared")
    chord = (F.normalize(a, dim=-1) - F.normalize(b, dim=-1)).square().sum(-1)
    # Equal embeddings sit where the root has no slope, opposite ones where the arcsine has none.
    return 2 * torch.asin((chord / 4).clamp(1e-20, 1 - 1e-7).sqrt()).square()


def tv_loss(image: Tensor) -> Tensor:
    """Mean squared difference between neighbouring pixels: [B, C, H, W] -> [B]."""
    across = image[..., 1:] - image[..., :-1]
    down = image[..., 1:, :] - image[..., :-1, :]
    return (across.square().sum((1, 2, 3)) + down.square().sum((1, 2, 3))) / image[0].numel()


def range_loss(image: Tensor) -> Tensor:
    """Mean squared distance from [-1, 1]: [B, C, H, W] -> [B]."""
    return _excess(image).square().mean((1, 2, 3))


def saturation_loss(image: Tensor) -> Tensor:
    """Mean distance from [-1, 1]: [B, C, H, W] -> [B]."""
    return _excess(image).abs().mean((1, 2, 3))


def normalise_weights(weights: Tensor) -> Tensor:
    """Prompt weights divided by the size of their sum.

    Args:
        weights: [P], or [T, P] for T moments, of any sign.
    Returns:
        the same shape, float32, with a sum of 1 or -1 for each moment, or 0 where all weights are 0.
    Raises:
        InvalidRequest: they cancel out, or are 0 at every moment.
    """
    total = weights.float().sum(-1, keepdim=True).abs()
    pulls = weights.any(-1, keepdim=True)
    if not bool(pulls.any()) or bool((pulls & (total < 1e-3)).any()):
        raise InvalidRequest(
            "各句画题的权重相加为零。请改动其中一个权重。",
            "The weights of the prompts add up to zero. Change one of them.",
            field="prompts",
        )
    return weights.float() / total.clamp(min=1e-3)


def clamp_gradient(gradient: Tensor, limit: float) -> Tensor:
    """Scale every picture's gradient down to a root mean square of at most `limit`.

    Args:
        gradient: [B, C, H, W]; zeros stay zeros.
        limit: the largest RMS.
    Returns:
        [B, C, H, W].
    """
    rms = gradient.square().mean((1, 2, 3), keepdim=True).sqrt()
    return gradient * (limit / rms.clamp(min=1e-30)).clamp(max=1)


def _excess(image: Tensor) -> Tensor:
    return image - image.clamp(-1, 1)


LEVELS = 4


def pyramid_mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference over a pyramid of pictures, each half the size of the one above it.

    Coarse levels hold composition and colour, fine ones edges; all count alike. It knows nothing of textures as LPIPS
    does, so it keeps a picture close to its start in layout and colour and leaves the brushwork free.

    Args:
        a: pictures, [B, 3, H, W] in about [-1, 1].
        b: [1 or B, 3, H, W].
    Returns:
        [B], 0 for equal pictures.
    """
    difference = a - b  # averaging is linear: the pyramid of the difference is the difference of the pyramids
    total = torch.zeros(len(difference), device=a.device)
    for level in range(LEVELS):
        if level:
            difference = F.avg_pool2d(difference, 2)
        total = total + difference.square().flatten(1).mean(1)
    return total / LEVELS
