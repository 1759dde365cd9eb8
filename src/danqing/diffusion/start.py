"""What x is before the first step: pure noise, or a picture with as much noise as its step asks for."""

import torch
from torch import Tensor

from danqing.diffusion.noise import NoiseSchedule
from danqing.diffusion.run import State
from danqing.errors import InvalidRequest, ShapeError
from danqing.types import Randomness


def starting_state(
    noise: NoiseSchedule, draws: Randomness, *, size: tuple[int, int], skip: int = 0, init: Tensor | None = None
) -> State:
    """The state that a run begins in.

    Args:
        noise: the steps.
        draws: read as ("start", 0, (3, H, W)).
        size: width and height in pixels.
        skip: how many of the noisiest steps to leave out. Without an init the run then starts from a gray picture.
        init: picture to start from, [1 or B, 3, H, W] in [-1, 1]; it is used even when nothing is skipped.
    Returns:
        the state, on init's device if there is one, else on the CPU.
    Raises:
        InvalidRequest: skip leaves no step to run.
        ShapeError: init is not of that size.
    """
    if not 0 <= skip < len(noise):
        raise InvalidRequest(
            f"skip_steps 是 {skip}，要小于步数 {len(noise)}。",
            f"skip_steps is {skip}; it must be smaller than the {len(noise)} steps.",
            field="skip_steps",
        )
    width, height = size
    k = len(noise) - skip - 1
    x = draws.normal("start", 0, (3, height, width))  # [B, 3, H, W]
    if init is None:
        return State(k, x if skip == 0 else noise.add_noise(torch.zeros_like(x), x, k))
    if init.shape[1:] != x.shape[1:] or init.shape[0] not in (1, x.shape[0]):
        raise ShapeError(f"init {tuple(init.shape)} does not fit x {tuple(x.shape)}")
    return State(k, noise.add_noise(init.float(), x.to(init.device), k))
