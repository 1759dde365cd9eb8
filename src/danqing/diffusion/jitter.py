"""Jitter: at every step the network sees the picture shifted by a few pixels, so that its patches leave no grid behind."""

import torch
from torch import Tensor

from danqing.types import Denoiser, Randomness


def jittered(denoiser: Denoiser, draws: Randomness, reach: int) -> Denoiser:
    """The same network, looking at pictures that are shifted to the right and down, round the edges; its answer is shifted back.

    A network that works on patches of pixels paints their borders too, and guidance deepens them as long as they stay in
    one place. A new shift at every step moves them about, and the noise of the next step washes them out.

    Args:
        denoiser: the network.
        draws: read as ("jitter", tau, (2,)), so that a picture is shifted the same in every batch.
        reach: most pixels of a shift.
    Source:
        the random translations of cycle spinning (Coifman and Donoho) and of DeepDream's jitter.
    """

    def shifted(x: Tensor, tau: Tensor) -> Tensor:
        shares = draws.uniform("jitter", int(tau[0]), (2,))  # [B, 2]
        shifts = [(int(down), int(right)) for down, right in (shares * (reach + 1)).long()]
        moved = torch.stack([part.roll(shift, (1, 2)) for part, shift in zip(x, shifts, strict=True)])
        answer = denoiser(moved, tau)
        back = [part.roll((-down, -right), (1, 2)) for part, (down, right) in zip(answer, shifts, strict=True)]
        return torch.stack(back)

    return shifted
