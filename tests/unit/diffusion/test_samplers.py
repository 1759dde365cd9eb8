"""DDIM's noise and its limits."""

import pytest
import torch

from danqing.diffusion import SAMPLERS, Draws, NoiseSchedule, Settings, max_eta, starting_state
from danqing.diffusion.samplers import fresh_noise
from danqing.errors import InvalidRequest

from .gaussian import MEAN, SPREAD, GaussianNetwork, exact


def test_eta_above_the_limit_is_refused_before_the_first_step() -> None:
    noise = NoiseSchedule.linear(25)
    start = starting_state(noise, Draws((1,)), size=(4, 4))
    with pytest.raises(InvalidRequest, match=r"1\.0024") as caught:
        SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, draws=Draws((1,)), settings=Settings(eta=1.01))
    assert caught.value.field == "eta"


@pytest.mark.parametrize("eta", [-0.1, float("nan"), float("inf")])
def test_senseless_eta_is_refused(eta: float) -> None:
    noise = NoiseSchedule.linear(25)
    start = starting_state(noise, Draws((1,)), size=(4, 4))
    with pytest.raises(InvalidRequest):
        SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, draws=Draws((1,)), settings=Settings(eta=eta))


def test_the_largest_eta_gives_numbers() -> None:
    noise, draws = NoiseSchedule.linear(25), Draws((1,))
    settings = Settings(eta=max_eta(noise))
    start = starting_state(noise, draws, size=(4, 4))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, draws=draws, settings=settings))[-1]
    assert bool(last.x.isfinite().all())


def test_no_noise_in_the_last_step_nor_without_eta() -> None:
    noise = NoiseSchedule.linear(25)
    assert fresh_noise(noise, 0, 1.0) == 0
    assert all(fresh_noise(noise, k, 0.0) == 0 for k in range(25))
    assert all(fresh_noise(noise, k, 0.8) > 0 for k in range(1, 25))


def test_without_eta_it_follows_the_exact_path() -> None:
    noise, draws = NoiseSchedule.linear(200), Draws((1,))
    start = starting_state(noise, draws, size=(8, 8))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, draws=draws, settings=Settings(eta=0)))[-1]
    torch.testing.assert_close(last.x, exact(start.x, noise, start.k), rtol=0, atol=0.03)


@pytest.mark.parametrize("eta", [0.0, 0.8, 1.0])
def test_samples_have_the_spread_of_the_data(eta: float) -> None:
    noise, draws = NoiseSchedule.linear(100), Draws((3,))
    start = starting_state(noise, draws, size=(64, 64))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, draws=draws, settings=Settings(eta=eta)))[-1]
    assert float(last.x.mean()) == pytest.approx(MEAN, abs=0.03)
    assert float(last.x.std()) == pytest.approx(SPREAD, abs=0.05)
