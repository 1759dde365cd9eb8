"""Times, weights and targets of the diffusion networks' training."""

from math import pi

import pytest
import torch
from torch import Tensor, nn

from danqing.diffusion.noise_schedule import NoiseSchedule, alpha_sigma
from danqing.pipeline.dtype import TORCH_DTYPES, Dtype
from danqing.train.diffusion_loss import (
    HIGH_NOISE,
    UNIT,
    add_noise,
    draw_times,
    picture_loss,
    time_density,
    velocity_loss,
)
from danqing.train.trainer import TrainRng
from tests.fake_cuda import fake_cuda

CPU = torch.device("cpu")


class Oracle(nn.Module):
    """Knows the clean picture; may be asked for it, give or take an error."""

    def __init__(self, x0: Tensor, error: float = 0.0) -> None:
        super().__init__()
        self.x0 = x0
        self.error = nn.Parameter(torch.tensor(error), requires_grad=False)

    def forward(self, x: Tensor, tau: Tensor) -> Tensor:  # noqa: ARG002
        return self.x0 + self.error


class VelocityOracle(Oracle):
    """Knows v, and is told the angle between picture and noise."""

    def forward(self, x: Tensor, tau: Tensor) -> Tensor:
        angle = (tau * pi / 2)[:, None, None, None]
        eps = (x - angle.cos() * self.x0) / angle.sin()
        return angle.cos() * eps - angle.sin() * self.x0


def test_density_is_min_snr_above_the_floor() -> None:
    density = time_density(5.0, 0.0)
    alpha, sigma = alpha_sigma(torch.tensor([100.0, 600.0]))
    ratio = (alpha / sigma).square()
    weight = ratio.clamp(max=5) / (ratio + 1)
    assert density.shape == (1000,)
    assert float(density.sum()) == pytest.approx(1)
    assert float(density[100] / density[600]) == pytest.approx(float(weight[0] / weight[1]), rel=1e-4)


def test_floor_keeps_the_noisiest_levels() -> None:
    density = time_density(5.0, 0.2)
    assert float(density[999] / density.max()) == pytest.approx(0.2)


def test_a_share_of_the_times_is_uniform_at_high_noise() -> None:
    plain, mixed = time_density(5.0, 0.2), time_density(5.0, 0.2, 0.5)
    assert float(mixed.sum()) == pytest.approx(1)
    torch.testing.assert_close(mixed[:HIGH_NOISE], plain[:HIGH_NOISE] / 2)
    torch.testing.assert_close(mixed[HIGH_NOISE:], plain[HIGH_NOISE:] / 2 + 0.5 / (1000 - HIGH_NOISE))


def test_times_follow_the_density_and_are_spread_evenly() -> None:
    density = torch.zeros(1000)
    density[10], density[20] = 0.25, 0.75
    times = draw_times(density, 8, torch.Generator().manual_seed(0))
    assert torch.equal(times, torch.tensor([10.0] * 2 + [20.0] * 6))


def test_the_right_answer_costs_nothing() -> None:
    x0 = torch.rand(4, 3, 8, 8) * 2 - 1
    tau = torch.tensor([10.0, 200.0, 500.0, 900.0])
    assert float(picture_loss(Oracle(x0), x0, tau, TrainRng.seeded(0, CPU))) < 1e-6
    assert float(velocity_loss(VelocityOracle(x0), x0, tau, TrainRng.seeded(0, CPU))) < 1e-4


def test_an_error_counts_in_units_of_the_noise() -> None:
    x0 = torch.zeros(1, 3, 8, 8)
    for tau, unit in ((0.0, UNIT), (500.0, float(alpha_sigma(torch.tensor([500.0]))[1]))):
        loss = picture_loss(Oracle(x0, 0.1), x0, torch.tensor([tau]), TrainRng.seeded(0, CPU))
        assert float(loss) == pytest.approx((0.1 / unit) ** 2, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_networks_compute_in_the_dtype_of_the_training(dtype: Dtype) -> None:
    class Convolution(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 3, 1)
            self.dtypes: list[torch.dtype] = []

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            del t
            y = self.layer(x)
            self.dtypes.append(y.dtype)
            return y

    network, x0, tau = Convolution(), torch.rand(2, 3, 8, 8), torch.tensor([100.0, 900.0])
    for loss in (picture_loss, velocity_loss):
        value = loss(network, x0, tau, TrainRng.seeded(0, CPU), dtype=dtype)
        assert value.dtype == torch.float32
        value.backward()  # pyright: ignore[reportUnknownMemberType]
    assert network.dtypes == [TORCH_DTYPES[dtype]] * 2
    assert network.layer.weight.grad is not None
    assert network.layer.weight.grad.dtype == torch.float32


def test_noise_is_the_schedules() -> None:
    x0 = torch.rand(1, 3, 8, 8)
    noisy = add_noise(x0, torch.tensor([500.0]), TrainRng.seeded(0, CPU))
    assert torch.allclose(noisy.x, NoiseSchedule.linear(1000).add_noise(x0, noisy.eps, 500), atol=1e-5)


def test_the_secondary_network_is_told_the_angle() -> None:
    asked: list[Tensor] = []

    class Listener(nn.Module):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            asked.append(t)
            return torch.zeros_like(x)

    tau = torch.tensor([0.0, 999.0])
    velocity_loss(Listener(), torch.zeros(2, 3, 8, 8), tau, TrainRng.seeded(0, CPU))
    alpha, sigma = alpha_sigma(tau)
    assert torch.allclose(asked[0], torch.atan2(sigma, alpha) * 2 / pi)
    assert 0 < float(asked[0][0]) < 0.01
    assert 0.99 < float(asked[0][1]) < 1


def test_noise_levels_need_no_float64_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """MPS has no float64; the fake device of the tests stands in for it."""
    double = Tensor.double

    def on_cpu_only(tensor: Tensor) -> Tensor:
        assert not tensor.is_cuda
        return double(tensor)

    with fake_cuda(monkeypatch):
        monkeypatch.setattr(Tensor, "double", on_cpu_only)
        for part in alpha_sigma(torch.tensor([0.0, 500.5], device="cuda")):
            assert part.is_cuda
            assert part.dtype == torch.float32
