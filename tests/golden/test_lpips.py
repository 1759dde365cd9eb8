"""The perceptual distance against lpips's, with generated weights."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from danqing.models.lpips import Lpips

from .conftest import Arrays, Meta


def tensor(arrays: Arrays, name: str) -> Tensor:
    return torch.as_tensor(arrays[name])


@pytest.fixture(scope="module")
def arrays(golden: Callable[[str], tuple[Arrays, Meta]]) -> Arrays:
    return golden("lpips")[0]


@pytest.fixture(scope="module")
def lpips(golden: Callable[[str], tuple[Arrays, Meta]], original_state: Callable[[Meta], dict[str, Tensor]]) -> Lpips:
    with torch.device("meta"):
        network = Lpips()
    network.load_state_dict(original_state(golden("lpips")[1]), strict=True, assign=True)
    return network.eval().requires_grad_(False)


def test_value_and_gradient(lpips: Lpips, arrays: Arrays) -> None:
    a = tensor(arrays, "a").requires_grad_()
    value = lpips(a, tensor(arrays, "b"))
    torch.testing.assert_close(value.detach(), tensor(arrays, "value").flatten(), rtol=1e-3, atol=1e-4)
    (grad,) = torch.autograd.grad((value * tensor(arrays, "cotangent").flatten()).sum(), a)
    recorded = tensor(arrays, "grad")
    assert (grad - recorded).square().sum() < 5e-3**2 * recorded.square().sum()


def test_equal_pictures_are_at_distance_zero(lpips: Lpips, arrays: Arrays) -> None:
    a = tensor(arrays, "a")
    assert lpips(a, a).tolist() == [0.0, 0.0]


def test_one_reference_serves_a_whole_batch(lpips: Lpips, arrays: Arrays) -> None:
    a, b = tensor(arrays, "a"), tensor(arrays, "b")
    torch.testing.assert_close(lpips(a, b[:1])[0], lpips(a, b)[0])


def test_gradient_is_finite_where_no_feature_answers(arrays: Arrays) -> None:
    network = Lpips()
    for parameter in network.net.parameters():
        torch.nn.init.constant_(parameter, -1.0)
    a = tensor(arrays, "a").abs().requires_grad_()
    (grad,) = torch.autograd.grad(network(a, tensor(arrays, "b")).sum(), a)
    assert grad.isfinite().all()
