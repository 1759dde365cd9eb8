"""DDIM's noise and its limits."""

import pytest
import torch

from danqing.diffusion import SAMPLERS, NoiseSchedule, SamplerOptions, SeededRandom, initial_state, max_eta
from danqing.diffusion.samplers import ddim_sigma
from danqing.errors import InvalidRequest

from .gaussian import MEAN, SPREAD, GaussianNetwork, exact


def test_eta_above_the_limit_is_refused_before_the_first_step() -> None:
    noise = NoiseSchedule.linear(25)
    start = initial_state(noise, SeededRandom((1,)), size=(4, 4))
    with pytest.raises(InvalidRequest, match=r"1\.0024") as caught:
        SAMPLERS["ddim"](
            GaussianNetwork(), None, noise, start, rng=SeededRandom((1,)), options=SamplerOptions(eta=1.01)
        )
    assert caught.value.field == "eta"


@pytest.mark.parametrize("eta", [-0.1, float("nan"), float("inf")])
def test_senseless_eta_is_refused(eta: float) -> None:
    noise = NoiseSchedule.linear(25)
    start = initial_state(noise, SeededRandom((1,)), size=(4, 4))
    with pytest.raises(InvalidRequest):
        SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, rng=SeededRandom((1,)), options=SamplerOptions(eta=eta))


def test_the_largest_eta_gives_numbers() -> None:
    noise, rng = NoiseSchedule.linear(25), SeededRandom((1,))
    settings = SamplerOptions(eta=max_eta(noise))
    start = initial_state(noise, rng, size=(4, 4))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, rng=rng, options=settings))[-1]
    assert bool(last.x.isfinite().all())


def test_no_noise_in_the_last_step_nor_without_eta() -> None:
    noise = NoiseSchedule.linear(25)
    assert ddim_sigma(noise, 0, 1.0) == 0
    assert all(ddim_sigma(noise, k, 0.0) == 0 for k in range(25))
    assert all(ddim_sigma(noise, k, 0.8) > 0 for k in range(1, 25))


def test_without_eta_it_follows_the_exact_path() -> None:
    noise, rng = NoiseSchedule.linear(200), SeededRandom((1,))
    start = initial_state(noise, rng, size=(8, 8))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, rng=rng, options=SamplerOptions(eta=0)))[-1]
    torch.testing.assert_close(last.x, exact(start.x, noise, start.index), rtol=0, atol=0.03)


@pytest.mark.parametrize("eta", [0.0, 0.8, 1.0])
def test_samples_have_the_spread_of_the_data(eta: float) -> None:
    noise, rng = NoiseSchedule.linear(100), SeededRandom((3,))
    start = initial_state(noise, rng, size=(64, 64))
    last = list(SAMPLERS["ddim"](GaussianNetwork(), None, noise, start, rng=rng, options=SamplerOptions(eta=eta)))[-1]
    assert float(last.x.mean()) == pytest.approx(MEAN, abs=0.03)
    assert float(last.x.std()) == pytest.approx(SPREAD, abs=0.05)
