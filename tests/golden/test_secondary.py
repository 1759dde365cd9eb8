"""The secondary network against discoart's, at full size."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from danqing.models.secondary import Secondary, SecondaryConfig, config_from_state

from .conftest import Arrays, Meta


def assert_close(ours: Tensor, recorded: Tensor) -> None:
    torch.testing.assert_close(ours, recorded, rtol=1e-4, atol=5e-5)


def tensor(arrays: Arrays, name: str) -> Tensor:
    return torch.as_tensor(arrays[name])


@pytest.fixture(scope="module")
def arrays(golden: Callable[[str], tuple[Arrays, Meta]]) -> Arrays:
    return golden("secondary")[0]


@pytest.fixture(scope="module")
def secondary(
    golden: Callable[[str], tuple[Arrays, Meta]], original_state: Callable[[Meta], dict[str, Tensor]]
) -> Secondary:
    state = original_state(golden("secondary")[1])
    with torch.device("meta"):
        network = Secondary(config_from_state({name: tuple(tensor.shape) for name, tensor in state.items()}))
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def test_configuration_is_read_off_the_names(secondary: Secondary) -> None:
    assert secondary.config == SecondaryConfig()


def pred(x: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """Return the clean image for v: x, v [B, 3, H, W], t [B] in 0..1 -> x0 [B, 3, H, W]."""
    angle = t[:, None, None, None] * (math.pi / 2)
    return x * angle.cos() - v * angle.sin()


@pytest.mark.parametrize("index", range(3))
def test_v_and_pred(secondary: Secondary, arrays: Arrays, index: int) -> None:
    x, t = tensor(arrays, "x"), tensor(arrays, "t")[index : index + 1]
    v = secondary(x, t)
    assert_close(v[0], tensor(arrays, "v")[index])
    assert_close(pred(x, v, t)[0], tensor(arrays, "pred")[index])


def test_batch_with_two_times(secondary: Secondary, arrays: Arrays) -> None:
    x, t = tensor(arrays, "x_batch"), tensor(arrays, "t_batch")
    v = secondary(x, t)
    assert_close(v, tensor(arrays, "v_batch"))
    assert_close(pred(x, v, t), tensor(arrays, "pred_batch"))


def test_gradient(secondary: Secondary, arrays: Arrays) -> None:
    x, t = tensor(arrays, "x").requires_grad_(), tensor(arrays, "t")[1:2]
    loss = (pred(x, secondary(x, t), t) * tensor(arrays, "cotangent")).sum()
    (grad,) = torch.autograd.grad(loss, x)
    recorded = tensor(arrays, "grad1")
    assert (grad - recorded).square().sum() < 5e-3**2 * recorded.square().sum()
