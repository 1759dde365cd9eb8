"""One guided evaluation: sharing the forward pass, score conditioning, and gradients that are not numbers."""

import pytest
import torch

from danqing.diffusion.guided_denoiser import GuidedDenoiser
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.types import Prediction

from .gaussian import GaussianNetwork, Pull

NOISE = NoiseSchedule.linear(10)
K = 6


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_without_a_guide_both_estimates_are_one(x: torch.Tensor) -> None:
    estimate = GuidedDenoiser(GaussianNetwork(), None, NOISE)(x, K)
    assert estimate.guided_eps is estimate.eps
    assert estimate.guided_x0 is estimate.x0
    assert (estimate.loss, estimate.nan) == (None, False)


@pytest.mark.parametrize("graph", [False, True])
def test_one_forward_pass_serves_step_and_guide(x: torch.Tensor, graph: bool) -> None:
    network = GaussianNetwork()
    estimate = GuidedDenoiser(network, Pull(graph=graph), NOISE)(x, K)
    assert network.calls == 1
    assert not any(part.requires_grad for part in (estimate.eps, estimate.x0, estimate.guided_eps, estimate.guided_x0))
    assert not x.requires_grad


def test_gradient_through_the_network(x: torch.Tensor) -> None:
    """x0 is linear in x here, so the gradient through the network is the direct one times its slope."""
    direct = GuidedDenoiser(GaussianNetwork(), Pull(), NOISE)(x, K)
    through = GuidedDenoiser(GaussianNetwork(), Pull(graph=True), NOISE)(x, K)
    shift = torch.ones_like(x)
    slope = (GuidedDenoiser(GaussianNetwork(), None, NOISE)(x + shift, K).x0 - direct.x0) / shift
    moved = (direct.guided_x0 - direct.x0) * 2 * slope
    torch.testing.assert_close(through.guided_x0 - through.x0, moved, rtol=1e-3, atol=1e-4)


def test_a_gradient_may_serve_again(x: torch.Tensor) -> None:
    first = GuidedDenoiser(GaussianNetwork(), Pull(every=4, graph=True), NOISE)(x, 4)
    guide = Pull(every=4, graph=True)
    again = GuidedDenoiser(GaussianNetwork(), guide, NOISE)(x, 3, first.guidance_grad)
    assert guide.levels == []
    assert first.guidance_grad is not None
    assert (again.loss, again.nan) == (None, False)
    torch.testing.assert_close(again.guided_eps, again.eps - NOISE.noise_level(3).sigma * first.guidance_grad)
    assert again.guidance_grad is first.guidance_grad
    assert GuidedDenoiser(GaussianNetwork(), guide, NOISE)(x, 3).loss is not None  # nothing to take again: it looks


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
@pytest.mark.parametrize("clip", [False, True])
def test_estimates_stay_consistent_with_x(x: torch.Tensor, prediction: Prediction, clip: bool) -> None:
    estimate = GuidedDenoiser(GaussianNetwork(prediction), Pull(), NOISE, prediction, clip_denoised=clip)(3 * x, K)
    torch.testing.assert_close(NOISE.add_noise(estimate.x0, estimate.eps, K), 3 * x, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(NOISE.add_noise(estimate.guided_x0, estimate.guided_eps, K), 3 * x, rtol=1e-4, atol=1e-5)
    if clip:
        assert float(estimate.x0.abs().max()) <= 1


def test_networks_that_predict_eps_v_or_x0_say_the_same(x: torch.Tensor) -> None:
    eps, v, x0 = (GuidedDenoiser(GaussianNetwork(kind), Pull(), NOISE, kind)(x, K) for kind in ("eps", "v", "x0"))
    torch.testing.assert_close(eps.guided_x0, v.guided_x0, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(eps.guided_x0, x0.guided_x0, rtol=1e-4, atol=1e-4)


def test_a_broken_gradient_leaves_only_its_own_picture_unguided(x: torch.Tensor) -> None:
    healthy = GuidedDenoiser(GaussianNetwork(), Pull(), NOISE)(x, K)
    broken = GuidedDenoiser(GaussianNetwork(), Pull(broken=1), NOISE)(x, K)
    assert (healthy.nan, broken.nan) == (False, True)
    assert torch.equal(broken.guided_x0[1], broken.x0[1])
    assert torch.equal(broken.guided_x0[0], healthy.guided_x0[0])
    alone = GuidedDenoiser(GaussianNetwork(), Pull(), NOISE)(x[:1], K)
    assert broken.loss == pytest.approx(alone.loss)


def test_no_loss_is_reported_when_every_gradient_is_broken(x: torch.Tensor) -> None:
    estimate = GuidedDenoiser(GaussianNetwork(), Pull(broken=0), NOISE)(x[:1], K)
    assert (estimate.loss, estimate.nan) == (None, True)
    assert torch.equal(estimate.guided_eps, estimate.eps)


def test_the_guide_is_told_where_the_run_stands(x: torch.Tensor) -> None:
    pull = Pull()
    GuidedDenoiser(GaussianNetwork(), pull, NOISE)(x, K)
    assert pull.levels == [NOISE.noise_level(K)]
