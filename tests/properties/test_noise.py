"""What holds for every schedule, step, prediction and seed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from danqing.diffusion import (
    SAMPLERS,
    NoiseSchedule,
    SamplerOptions,
    SamplerState,
    SeededRandom,
    initial_state,
    max_eta,
)
from danqing.diffusion.samplers import ddim_sigma
from danqing.types import Guidance, NoiseLevel, Prediction

STEPS = st.integers(2, 60) | st.sampled_from([100, 250, 300, 999, 1000])
SEEDS = st.integers(0, 2**63 - 1)
KINDS = st.sampled_from(["eps", "v", "x0"])
NAMES = st.sampled_from(sorted(SAMPLERS))


@st.composite
def places(draw: st.DrawFn) -> tuple[NoiseSchedule, int]:
    """A schedule and one of its steps."""
    noise = NoiseSchedule.linear(draw(STEPS))
    return noise, draw(st.integers(0, len(noise) - 1))


def network(x: Tensor, timestep: Tensor) -> Tensor:
    """A smooth made-up network, each picture on its own."""
    return torch.tanh(x + 0.2 * x.roll(1, -1)) * (0.5 + timestep[:, None, None, None] / 2000)


class Pull:
    """Toward gray, looking in every third step."""

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        return level.index < 0

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        return level.index % 3 != 0

    def __call__(self, x: Tensor, x0: Tensor, level: NoiseLevel) -> Guidance:
        return Guidance(-0.1 * torch.tanh(x0 + 0 * x), x0.square().mean((1, 2, 3)) * level.sigma)


def paint(name: str, noise: NoiseSchedule, start: SamplerState, rng: SeededRandom) -> list[SamplerState]:
    steps = SAMPLERS[name](network, Pull(), noise, start, rng=rng, options=SamplerOptions(eta=0.9))
    return [step.state for step in steps]


@settings(deadline=None)
@given(places(), SEEDS, KINDS)
def test_predict_undoes_add_noise(place: tuple[NoiseSchedule, int], seed: int, kind: Prediction) -> None:
    noise, k = place
    x0, eps = SeededRandom((seed,)).normal("x0", 0, (3, 4, 4)), SeededRandom((seed,)).normal("eps", 0, (3, 4, 4))
    x = noise.add_noise(x0, eps, k)
    output = {"eps": eps, "v": noise.alpha(k) * eps - noise.sigma(k) * x0, "x0": x0}[kind]
    found_eps, found_x0 = noise.eps_and_x0(output, x, k, kind)
    # With eps the estimate divides by alpha, and with x0 by sigma, which enlarges the rounding of x.
    torch.testing.assert_close(found_eps, eps, rtol=1e-5, atol=1e-5 / (noise.sigma(k) if kind == "x0" else 1))
    torch.testing.assert_close(found_x0, x0, rtol=1e-5, atol=2e-6 / (noise.alpha(k) if kind == "eps" else 1))
    torch.testing.assert_close(noise.add_noise(found_x0, found_eps, k), x, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(places())
def test_variance_is_preserved(place: tuple[NoiseSchedule, int]) -> None:
    noise, k = place
    assert noise.alpha(k) ** 2 + noise.sigma(k) ** 2 == pytest.approx(1, abs=1e-12)
    assert math.sin(noise.secondary_time(k) * math.pi / 2) == pytest.approx(noise.sigma(k), abs=1e-12)


@settings(deadline=None)
@given(STEPS)
def test_schedules_run_from_picture_to_noise(steps: int) -> None:
    noise = NoiseSchedule.linear(steps)
    assert len(noise) == len(noise.timesteps) == steps
    assert all(later < earlier for earlier, later in zip(noise.alphas_cumprod, noise.alphas_cumprod[1:], strict=False))
    assert all(0 < alpha_cumprod < 1 for alpha_cumprod in noise.alphas_cumprod)
    assert noise.timesteps[0] == 0
    assert noise.timesteps[-1] < 1000


@settings(deadline=None)
@given(STEPS)
def test_max_eta_is_tight(steps: int) -> None:
    noise = NoiseSchedule.linear(steps)
    limit = max_eta(noise)
    assert limit > 1

    def room(eta: float) -> float:
        return min(1 - noise.alpha_cumprod_prev(k) - ddim_sigma(noise, k, eta) ** 2 for k in range(1, steps))

    assert room(limit) >= -1e-12
    assert room(limit * (1 + 1e-6)) < 0


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(2, 12), SEEDS, st.data())
def test_resuming_anywhere_is_exact(name: str, count: int, seed: int, data: st.DataObject) -> None:
    noise, rng = NoiseSchedule.linear(count), SeededRandom((seed, seed + 1))
    states = paint(name, noise, initial_state(noise, rng, size=(6, 4)), rng)
    place = data.draw(st.integers(0, count - 1))
    for resumed, unbroken in zip(paint(name, noise, states[place], rng), states[place + 1 :], strict=True):
        assert torch.equal(resumed.x, unbroken.x)
        assert (resumed.index, resumed.steps_done) == (unbroken.index, unbroken.steps_done)


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(2, 12), st.lists(SEEDS, min_size=2, max_size=4, unique=True), st.data())
def test_a_picture_does_not_depend_on_its_batch(name: str, count: int, seeds: list[int], data: st.DataObject) -> None:
    noise, together = NoiseSchedule.linear(count), SeededRandom(tuple(seeds))
    row = data.draw(st.integers(0, len(seeds) - 1))
    alone = SeededRandom((seeds[row],))
    first, second = (initial_state(noise, rng, size=(6, 4)) for rng in (together, alone))
    assert torch.equal(first.x[row], second.x[0])
    ours, theirs = (paint(name, noise, *pair)[-1].x for pair in ((first, together), (second, alone)))
    torch.testing.assert_close(ours[row], theirs[0], rtol=1e-4, atol=1e-4)
