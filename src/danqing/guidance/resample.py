"""Antialiased resizing as matrix products, one matrix per axis and cutout, so that all crops are one batch."""

import torch
from torch import Tensor


def resize_matrix(
    start: Tensor, size: Tensor, *, length: int, resolution: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Return the matrix that crops an interval of one axis and resizes it: antialiased bicubic, zero outside.

    Args:
        start: first pixel of each interval, any shape [...], on the CPU; may be outside of the axis.
        size: number of pixels of each interval, [...], on the CPU.
        length: number of pixels of the axis, L.
        resolution: number of output pixels, R.
        device: device of the result. The weights are computed on the CPU in float64.
    Returns:
        [..., R, L], float32; rows sum to 1 except near the ends of an interval, where pixels outside count as zero.
    Source:
        resize_right with its defaults (cubic a = -0.5); equal to it within 2e-5 (tests/golden).
    """
    start, size = start.double()[..., None, None], size.double()[..., None, None]
    scale = (size / resolution).clamp(min=1)  # the kernel is widened when shrinking
    reach = int((2 * scale).ceil().max()) + 1
    centre = (torch.arange(resolution)[:, None] + 0.5) * size / resolution - 0.5  # [..., R, 1]
    taps = centre.floor() + torch.arange(1 - reach, reach + 1)  # [..., R, 2 * reach]
    weights = _cubic((taps - centre) / scale)
    weights = weights / weights.sum(-1, keepdim=True)
    pixel = taps + start
    inside = (taps >= 0) & (taps < size) & (pixel >= 0) & (pixel < length)
    weights, pixel = (weights * inside).float().to(device), pixel.clamp(0, length - 1).long().to(device)
    return weights.new_zeros((*weights.shape[:-1], length)).scatter_add_(-1, pixel, weights)


def resample(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resample every image by the row and column matrices of its cutouts.

    Args:
        image: [B, 3, H, W].
        rows: [n, B, R, H], from `resize_matrix`.
        columns: [n, B, R, W].
    Returns:
        [n, B, 3, R, R]; differentiable in image. Costs n * B * 3 * R * W * (H + R) multiplications.
    """
    shrunk = torch.einsum("nbrh,bchw->nbcrw", rows, image)
    return torch.einsum("nbcrw,nbsw->nbcrs", shrunk, columns)


def _cubic(distance: Tensor) -> Tensor:
    """Return Keys's cubic kernel with a = -0.5."""
    d = distance.abs()
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0))
