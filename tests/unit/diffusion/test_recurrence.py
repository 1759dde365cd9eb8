"""Steps that are taken several times: how often, with which randomness, and that they leave the noise as it should be."""

from collections.abc import Callable, Iterator
from functools import partial

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
    sample_with_recurrence,
)
from danqing.types import Guide

from .gaussian import MEAN, SPREAD, GaussianNetwork, Pull

NOISE = NoiseSchedule.linear(10)
RNG = SeededRandom((1, 2))


def paint(
    name: str,
    start: SamplerState,
    turns: Callable[[int], int],
    *,
    most: int,
    guide: Guide | None = None,
    noise: NoiseSchedule = NOISE,
) -> Iterator[SamplerStep]:
    def way(rng: SeededRandom, state: SamplerState) -> Iterator[SamplerStep]:
        return SAMPLERS[name](GaussianNetwork(), guide, noise, state, rng=rng, options=SamplerOptions(eta=1.0))

    ways = [partial(way, SeededRandom(RNG.seeds, repeat=turn)) for turn in range(most)]
    return sample_with_recurrence(ways, start, noise, turns, RNG)


@pytest.fixture
def start() -> SamplerState:
    return initial_state(NOISE, RNG, size=(6, 4))


@pytest.mark.parametrize("name", SAMPLERS)
def test_taken_once_it_is_the_plain_run(name: str, start: SamplerState) -> None:
    plain = list(SAMPLERS[name](GaussianNetwork(), Pull(), NOISE, start, rng=RNG, options=SamplerOptions(eta=1.0)))
    once = list(paint(name, start, lambda _: 1, most=1, guide=Pull()))
    assert [(step.number, step.index, step.loss) for step in once] == [
        (step.number, step.index, step.loss) for step in plain
    ]
    assert all(torch.equal(ours.x, theirs.x) for ours, theirs in zip(once, plain, strict=True))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("after", [0, 4, 8])
def test_steps_taken_again_count_once_and_the_run_can_be_resumed(name: str, after: int, start: SamplerState) -> None:
    paint_it = partial(paint, name, turns=lambda k: 3 if k > 4 else 1, most=3, guide=Pull())
    steps = list(paint_it(start))
    assert [step.number for step in steps] == list(range(10))
    assert [step.index for step in steps] == list(range(9, -1, -1))
    resumed = list(paint_it(steps[after].state))
    assert all(torch.equal(ours.x, theirs.x) for ours, theirs in zip(resumed, steps[after + 1 :], strict=True))


def test_every_turn_asks_the_guide_again_and_draws_anew(start: SamplerState) -> None:
    guide = Pull()
    list(paint("ddim", start, lambda k: 3 if k == 7 else 1, most=3, guide=guide))
    assert [level.index for level in guide.levels] == [9, 8, 7, 7, 7, 6, 5, 4, 3, 2, 1, 0]
    one, other = (list(paint("ddim", start, lambda _, n=n: n, most=2))[-1].x for n in (1, 2))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("name", SAMPLERS)
def test_without_guidance_the_pictures_stay_what_they_were(name: str) -> None:
    noise = NoiseSchedule.linear(50)
    start = initial_state(noise, RNG, size=(96, 96))
    done = list(paint(name, start, lambda _: 4, most=4, noise=noise))[-1].x
    assert done.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert done.std().item() == pytest.approx(SPREAD, rel=0.2), (
        "first-order steps lose some of the spread, and none explode"
    )
