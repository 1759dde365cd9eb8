"""Self-recurrence: take a step several times and add its noise back in between, for more coherent pictures."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.sampler_base import SamplerState, SamplerStep
from danqing.types import RandomSource

BoundSampler = Callable[[SamplerState], Iterator[SamplerStep]]
"""A sampler with all arguments bound except the initial state."""


def sample_with_recurrence(
    samplers: Sequence[BoundSampler],
    start: SamplerState,
    noise: NoiseSchedule,
    repeats: Callable[[int], int],
    rng: RandomSource,
) -> Iterator[SamplerStep]:
    """Take every step as often as requested and yield its last repeat.

    Guidance changes regions independently of each other. Back at the noise level of the step, the network sees the
    change and can adapt the rest of the picture to it; a single pass leaves no time for that.

    Args:
        samplers: one for each repeat; they differ only in their randomness.
        start: the state to begin or to continue from.
        noise: the noise schedule.
        repeats: how often the step at an index is taken, from 1 to the number of samplers.
        rng: read as ("turn j", index, shape of x).
    Source:
        per-step self-recurrence in Bansal et al., "Universal Guidance for Diffusion Models"; time travel in Yu et al.,
        "FreeDoM".
    """
    state = start
    while state.index >= 0:
        step = next(samplers[0](state))
        for repeat in range(1, repeats(state.index)):
            fresh = rng.normal(f"turn {repeat}", state.index, tuple(step.x.shape[1:])).to(step.x.device)
            # The history of a multistep sampler belongs to another x; extrapolating from it here diverges.
            noisy = replace(state, x=_renoise(noise, step.x, state.index, fresh), history=())
            repeated = next(samplers[repeat](noisy))
            step = replace(repeated, nan=repeated.nan or step.nan)
        yield step
        state = step.state


def _renoise(noise: NoiseSchedule, x: Tensor, index: int, fresh: Tensor) -> Tensor:
    """Add noise to x [B, 3, H, W] after a step, up to the noise level before the step."""
    ratio = noise.alphas_cumprod[index] / noise.alpha_cumprod_prev(index)
    return math.sqrt(ratio) * x + math.sqrt(1 - ratio) * fresh
