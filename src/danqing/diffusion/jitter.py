"""Random shift of the denoiser's input at every step, so that a patch-based network leaves no grid of patch borders."""

import torch
from torch import Tensor

from danqing.types import Denoiser, RandomSource


def with_jitter(denoiser: Denoiser, rng: RandomSource, max_shift: int) -> Denoiser:
    """Wrap a denoiser so that its input is rolled right and down by a random shift and its output rolled back.

    A network that works on patches also reproduces the patch borders, and guidance amplifies them while they stay in
    one place. A new shift at every step moves them, and the noise of the next step removes them.

    Args:
        denoiser: the network.
        rng: read as ("jitter", timestep, (2,)), so that the shift of a picture does not depend on its batch.
        max_shift: largest shift in pixels.
    Source:
        the random translations of cycle spinning (Coifman and Donoho) and of DeepDream's jitter.
    """

    def denoise_shifted(x: Tensor, timestep: Tensor) -> Tensor:
        uniform = rng.uniform("jitter", int(timestep[0]), (2,))  # [B, 2]
        shifts = [(int(down), int(right)) for down, right in (uniform * (max_shift + 1)).long()]
        shifted = torch.stack([image.roll(shift, (1, 2)) for image, shift in zip(x, shifts, strict=True)])
        output = denoiser(shifted, timestep)
        aligned = [image.roll((-down, -right), (1, 2)) for image, (down, right) in zip(output, shifts, strict=True)]
        return torch.stack(aligned)

    return denoise_shifted
