"""PLMS and DPM-Solver++: their order, and what their first and last steps do."""

from collections.abc import Iterator

import pytest
import torch

from danqing.diffusion import (
    SAMPLERS,
    NoiseSchedule,
    SamplerOptions,
    SamplerState,
    SamplerStep,
    SeededRandom,
    initial_state,
)
from danqing.types import NoiseLevel

from .gaussian import GaussianNetwork, Pull, exact

RNG = SeededRandom((1,))


def paint(name: str, noise: NoiseSchedule, start: SamplerState, *, clip: bool = False) -> Iterator[SamplerStep]:
    settings = SamplerOptions(eta=0, clip_denoised=clip)
    return SAMPLERS[name](GaussianNetwork(), None, noise, start, rng=RNG, options=settings)


def worst(name: str, steps: int, *, skip: int = 0) -> float:
    """Largest distance of the last picture from the exact one."""
    noise = NoiseSchedule.linear(steps)
    start = initial_state(noise, RNG, size=(8, 8), skip=skip)
    return float((list(paint(name, noise, start))[-1].x - exact(start.x, noise, start.index)).abs().max())


@pytest.mark.parametrize(("name", "gain"), [("ddim", 1.7), ("plms", 2.5), ("dpmpp_2m", 2.5)])
def test_twice_the_steps_gain_by_the_order(name: str, gain: float) -> None:
    assert worst(name, 100) > gain * worst(name, 200)


@pytest.mark.parametrize("name", ["plms", "dpmpp_2m"])
def test_few_steps_beat_ddim(name: str) -> None:
    assert worst(name, 20) < 0.5 * worst("ddim", 20)


def test_the_first_step_of_dpm_is_that_of_ddim() -> None:
    noise = NoiseSchedule.linear(20)
    start = initial_state(noise, RNG, size=(8, 8))
    torch.testing.assert_close(next(paint("dpmpp_2m", noise, start)).x, next(paint("ddim", noise, start)).x)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_last_step_ends_on_the_guided_estimate(name: str) -> None:
    noise = NoiseSchedule.linear(20)
    start = initial_state(noise, RNG, size=(8, 8), skip=19)  # only the last step is run
    (step,) = SAMPLERS[name](GaussianNetwork(), Pull(), noise, start, rng=RNG, options=SamplerOptions())
    moved = noise.sigma(0) ** 2 / noise.alpha(0) * 0.5 * (0.8 - step.x0)
    torch.testing.assert_close(step.x, step.x0 + moved)


@pytest.mark.parametrize("name", SAMPLERS)
def test_clipping_keeps_what_is_shown_in_range(name: str) -> None:
    noise = NoiseSchedule.linear(20)
    start = SamplerState(19, 30 * torch.ones(1, 3, 4, 4))
    assert all(float(step.x0.abs().max()) <= 1 for step in paint(name, noise, start, clip=True))


def test_a_broken_look_ahead_of_plms_is_reported() -> None:
    noise = NoiseSchedule.linear(20)

    class BrokenAhead(Pull):
        def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
            del level
            self.broken = 0 if len(self.levels) == 1 else None
            return False

    start = initial_state(noise, RNG, size=(4, 4))
    steps = list(SAMPLERS["plms"](GaussianNetwork(), BrokenAhead(), noise, start, rng=RNG, options=SamplerOptions()))
    assert [step.nan for step in steps] == [True] + [False] * 19
