"""The noise schedule beyond what was recorded."""

import pytest
import torch

from danqing.diffusion.noise_schedule import MODEL_STEPS, NoiseSchedule, alpha_sigma
from danqing.errors import InvalidRequest
from danqing.schedule import parse_schedule
from danqing.types import NoiseLevel, Prediction


@pytest.mark.parametrize("steps", [1, 0, -3])
def test_too_few_steps(steps: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        NoiseSchedule.linear(steps)
    assert caught.value.field == "steps"


def test_more_steps_than_the_networks_know_get_times_in_between() -> None:
    noise = NoiseSchedule.linear(2000)
    assert len(noise) == 2000
    assert noise.timesteps[:3] == (0.0, 0.5, 1.0)


def test_moment_agrees_with_the_single_numbers() -> None:
    noise = NoiseSchedule.linear(50)
    assert noise.noise_level(20) == NoiseLevel(20, noise.timestep(20), noise.alpha(20), noise.sigma(20))


def test_secondary_time_runs_from_picture_to_noise() -> None:
    noise = NoiseSchedule.linear(1000)
    times = [noise.secondary_time(k) for k in range(1000)]
    assert times == sorted(times)
    assert 0 < times[0] < 0.01
    assert 0.99 < times[-1] < 1


def test_training_form_meets_the_schedule_at_whole_times() -> None:
    noise = NoiseSchedule.linear(MODEL_STEPS)
    alpha, sigma = alpha_sigma(torch.tensor(noise.timesteps))
    torch.testing.assert_close(alpha, torch.tensor([noise.alpha(k) for k in range(MODEL_STEPS)]), rtol=1e-6, atol=0)
    torch.testing.assert_close(sigma, torch.tensor([noise.sigma(k) for k in range(MODEL_STEPS)]), rtol=1e-6, atol=0)


def test_training_form_between_whole_times() -> None:
    alpha, sigma = alpha_sigma(torch.tensor([499.0, 499.5, 500.0]))
    assert float(alpha[1]) == pytest.approx(float((alpha[0] * alpha[2]).sqrt()), rel=1e-6)
    torch.testing.assert_close(alpha.square() + sigma.square(), torch.ones(3))


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
def test_variance_channels_are_ignored(prediction: Prediction) -> None:
    noise = NoiseSchedule.linear(10)
    x, output = torch.randn(2, 3, 4, 4), torch.randn(2, 6, 4, 4)
    for ours, of_three in zip(
        noise.eps_and_x0(output, x, 5, prediction), noise.eps_and_x0(output[:, :3], x, 5, prediction), strict=True
    ):
        assert torch.equal(ours, of_three)


def test_half_precision_output_is_used_in_full_precision() -> None:
    eps, x0 = NoiseSchedule.linear(10).eps_and_x0(
        torch.ones(1, 3, 2, 2, dtype=torch.bfloat16), torch.ones(1, 3, 2, 2), 9
    )
    assert eps.dtype == x0.dtype == torch.float32


def test_steps_that_lie_unevenly_have_the_noise_of_their_time() -> None:
    full = NoiseSchedule.linear(MODEL_STEPS)
    uneven = NoiseSchedule.spaced(80, parse_schedule("[3]*300+[1]*700"))
    assert len(uneven) == 80
    assert (uneven.timestep(0), uneven.timestep(1), uneven.timestep(70), uneven.timestep(79)) == (0, 10, 700, 970)
    assert all(uneven.alpha(k) == full.alpha(int(uneven.timestep(k))) for k in range(80))
    assert NoiseSchedule.spaced(25, parse_schedule(2)) == NoiseSchedule.linear(25)
