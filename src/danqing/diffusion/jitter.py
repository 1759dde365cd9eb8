"""Random shift of the denoiser's input at every step, so that a patch-based network leaves no grid of patch borders."""

import torch
from torch import Tensor

from danqing.types import Denoiser, RandomSource


def with_jitter(denoiser: Denoiser, rng: RandomSource, max_shift: int, *, stride: int = 64) -> Denoiser:
    """Wrap a denoiser so that it sees its input shifted right and down by a random number of pixels, padded by reflection.

    A network that works on patches also reproduces the patch borders, and guidance amplifies them while they stay in
    one place. A new shift at every step moves them, and the noise of the next step removes them. Padding instead of
    rolling keeps the edges of the image apart, so that the result does not tile.

    Args:
        denoiser: the network.
        rng: read as ("jitter", timestep, (2,)), so that the shift of a picture does not depend on its batch.
        max_shift: largest shift in pixels.
        stride: the sides of the padded input grow by a multiple of this, as the network requires.
    Source:
        the random translations of cycle spinning (Coifman and Donoho) and of DeepDream's jitter.
    """
    extra = -(-max_shift // stride) * stride

    def denoise_shifted(x: Tensor, timestep: Tensor) -> Tensor:
        height, width = x.shape[2:]
        uniform = rng.uniform("jitter", int(timestep[0]), (2,))  # [B, 2]
        shifts = [(int(down), int(right)) for down, right in (uniform * (max_shift + 1)).long()]
        padded = [_reflect_pad(image, shift, extra) for image, shift in zip(x, shifts, strict=True)]
        output = denoiser(torch.stack(padded), timestep)
        aligned = [
            image[:, down : down + height, right : right + width]
            for image, (down, right) in zip(output, shifts, strict=True)
        ]
        return torch.stack(aligned)

    return denoise_shifted


def _reflect_pad(image: Tensor, shift: tuple[int, int], extra: int) -> Tensor:
    """Pad an image [C, H, W] by reflection to [C, H + extra, W + extra], with its first pixel at (down, right)."""
    for axis, offset in enumerate(shift, 1):
        size = image.shape[axis]
        index = (torch.arange(size + extra, device=image.device) - offset) % (2 * size - 2)
        image = image.index_select(axis, torch.minimum(index, 2 * size - 2 - index))
    return image
