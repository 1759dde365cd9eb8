"""Recurrence: a step is taken several times, with its noise put back in between, so that what guidance asks for grows together."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.sampler import State, Step
from danqing.types import Randomness

Way = Callable[[State], Iterator[Step]]
"""A sampler that has everything but the state to begin in."""


def recurring(
    ways: Sequence[Way], start: State, noise: NoiseSchedule, turns: Callable[[int], int], draws: Randomness
) -> Iterator[Step]:
    """Take every step as often as asked for; only its last turn is yielded.

    Guidance moves parts of a picture that the network would not put there. Back at the noise of the same step the
    network sees what came of it and may fit the rest to it, which a single pass down has no time for.

    Args:
        ways: the sampler of each turn, the first turn first; they differ in their randomness only.
        start: where to begin, or to go on.
        noise: the steps.
        turns: how often step k is taken, from 1 to the number of ways.
        draws: read as ("turn j", k, shape of x).
    Source:
        per-step self-recurrence in Bansal et al., "Universal Guidance for Diffusion Models"; time travel in Yu et al.,
        "FreeDoM".
    """
    state = start
    while state.k >= 0:
        step = next(ways[0](state))
        for turn in range(1, turns(state.k)):
            fresh = draws.normal(f"turn {turn}", state.k, tuple(step.x.shape[1:])).to(step.x.device)
            # What a multistep sampler remembers belongs to another x: leaning on it here would blow the picture up.
            back = replace(state, x=_put_back(noise, step.x, state.k, fresh), memory=())
            again = next(ways[turn](back))
            step = replace(again, nan=again.nan or step.nan)
        yield step
        state = step.state


def _put_back(noise: NoiseSchedule, x: Tensor, k: int, fresh: Tensor) -> Tensor:
    """x [B, 3, H, W] after step k with as much noise as before it."""
    kept = noise.abar[k] / noise.before(k)
    return math.sqrt(kept) * x + math.sqrt(1 - kept) * fresh
