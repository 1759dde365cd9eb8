"""What holds for every schedule, step, prediction and seed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from danqing.diffusion import SAMPLERS, Draws, NoiseSchedule, Settings, State, max_eta, starting_state
from danqing.diffusion.samplers import fresh_noise
from danqing.types import Guidance, Moment, Prediction

STEPS = st.integers(2, 60) | st.sampled_from([100, 250, 300, 999, 1000])
SEEDS = st.integers(0, 2**63 - 1)
KINDS = st.sampled_from(["eps", "v", "x0"])
NAMES = st.sampled_from(sorted(SAMPLERS))


@st.composite
def places(draw: st.DrawFn) -> tuple[NoiseSchedule, int]:
    """A schedule and one of its steps."""
    noise = NoiseSchedule.linear(draw(STEPS))
    return noise, draw(st.integers(0, len(noise) - 1))


def network(x: Tensor, tau: Tensor) -> Tensor:
    """A smooth made-up network, each picture on its own."""
    return torch.tanh(x + 0.2 * x.roll(1, -1)) * (0.5 + tau[:, None, None, None] / 2000)


class Pull:
    """Toward gray, looking in every third step."""

    def needs_graph(self, moment: Moment) -> bool:
        return moment.index < 0

    def repeats(self, moment: Moment) -> bool:
        return moment.index % 3 != 0

    def __call__(self, x: Tensor, x0: Tensor, moment: Moment) -> Guidance:
        return Guidance(-0.1 * torch.tanh(x0 + 0 * x), x0.square().mean((1, 2, 3)) * moment.sigma)


def paint(name: str, noise: NoiseSchedule, start: State, draws: Draws) -> list[State]:
    steps = SAMPLERS[name](network, Pull(), noise, start, draws=draws, settings=Settings(eta=0.9))
    return [step.state for step in steps]


@settings(deadline=None)
@given(places(), SEEDS, KINDS)
def test_predict_undoes_add_noise(place: tuple[NoiseSchedule, int], seed: int, kind: Prediction) -> None:
    noise, k = place
    x0, eps = Draws((seed,)).normal("x0", 0, (3, 4, 4)), Draws((seed,)).normal("eps", 0, (3, 4, 4))
    x = noise.add_noise(x0, eps, k)
    output = {"eps": eps, "v": noise.alpha(k) * eps - noise.sigma(k) * x0, "x0": x0}[kind]
    found_eps, found_x0 = noise.predict(output, x, k, kind)
    # With eps the estimate divides by alpha, and with x0 by sigma, which enlarges the rounding of x.
    torch.testing.assert_close(found_eps, eps, rtol=1e-5, atol=1e-5 / (noise.sigma(k) if kind == "x0" else 1))
    torch.testing.assert_close(found_x0, x0, rtol=1e-5, atol=2e-6 / (noise.alpha(k) if kind == "eps" else 1))
    torch.testing.assert_close(noise.add_noise(found_x0, found_eps, k), x, rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(places())
def test_variance_is_preserved(place: tuple[NoiseSchedule, int]) -> None:
    noise, k = place
    assert noise.alpha(k) ** 2 + noise.sigma(k) ** 2 == pytest.approx(1, abs=1e-12)
    assert math.sin(noise.time(k) * math.pi / 2) == pytest.approx(noise.sigma(k), abs=1e-12)


@settings(deadline=None)
@given(STEPS)
def test_schedules_run_from_picture_to_noise(steps: int) -> None:
    noise = NoiseSchedule.linear(steps)
    assert len(noise) == len(noise.taus) == steps
    assert all(later < earlier for earlier, later in zip(noise.abar, noise.abar[1:], strict=False))
    assert all(0 < abar < 1 for abar in noise.abar)
    assert noise.taus[0] == 0
    assert noise.taus[-1] < 1000


@settings(deadline=None)
@given(STEPS)
def test_max_eta_is_tight(steps: int) -> None:
    noise = NoiseSchedule.linear(steps)
    limit = max_eta(noise)
    assert limit > 1

    def room(eta: float) -> float:
        return min(1 - noise.before(k) - fresh_noise(noise, k, eta) ** 2 for k in range(1, steps))

    assert room(limit) >= -1e-12
    assert room(limit * (1 + 1e-6)) < 0


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(2, 12), SEEDS, st.data())
def test_resuming_anywhere_is_exact(name: str, count: int, seed: int, data: st.DataObject) -> None:
    noise, draws = NoiseSchedule.linear(count), Draws((seed, seed + 1))
    states = paint(name, noise, starting_state(noise, draws, size=(6, 4)), draws)
    place = data.draw(st.integers(0, count - 1))
    for resumed, unbroken in zip(paint(name, noise, states[place], draws), states[place + 1 :], strict=True):
        assert torch.equal(resumed.x, unbroken.x)
        assert (resumed.k, resumed.done) == (unbroken.k, unbroken.done)


@settings(deadline=None, max_examples=25)
@given(NAMES, st.integers(2, 12), st.lists(SEEDS, min_size=2, max_size=4, unique=True), st.data())
def test_a_picture_does_not_depend_on_its_batch(name: str, count: int, seeds: list[int], data: st.DataObject) -> None:
    noise, together = NoiseSchedule.linear(count), Draws(tuple(seeds))
    row = data.draw(st.integers(0, len(seeds) - 1))
    alone = Draws((seeds[row],))
    first, second = (starting_state(noise, draws, size=(6, 4)) for draws in (together, alone))
    assert torch.equal(first.x[row], second.x[0])
    ours, theirs = (paint(name, noise, *pair)[-1].x for pair in ((first, together), (second, alone)))
    torch.testing.assert_close(ours[row], theirs[0], rtol=1e-4, atol=1e-4)
