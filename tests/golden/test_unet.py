"""The U-Net against guided-diffusion's, at the structure of the 512 px model."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from danqing.models.unet import UNet, UNetConfig, config_from_state

from .conftest import Arrays, Meta


def assert_close(ours: Tensor, recorded: Tensor) -> None:
    torch.testing.assert_close(ours, recorded, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def arrays(golden: Callable[[str], tuple[Arrays, Meta]]) -> Arrays:
    return golden("unet_a512_tiny")[0]


@pytest.fixture(scope="module")
def unet(golden: Callable[[str], tuple[Arrays, Meta]], original_state: Callable[[Meta], dict[str, Tensor]]) -> UNet:
    state = original_state(golden("unet_a512_tiny")[1])
    with torch.device("meta"):
        unet = UNet(config_from_state({name: tuple(tensor.shape) for name, tensor in state.items()}))
    unet.load_state_dict(state, strict=True, assign=True)
    return unet.eval().requires_grad_(False)


def tensor(arrays: Arrays, name: str) -> Tensor:
    return torch.as_tensor(arrays[name])


def test_configuration_is_read_off_the_names(unet: UNet) -> None:
    multipliers = (0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0)
    assert unet.config == UNetConfig(channels=64, multipliers=multipliers, attention=(4, 5, 6))


@pytest.mark.parametrize("index", range(4))
def test_output(unet: UNet, arrays: Arrays, index: int) -> None:
    out = unet(tensor(arrays, "x"), tensor(arrays, "t")[index : index + 1])
    if index == 0:
        assert_close(out, tensor(arrays, "out0"))
    else:
        assert_close(out[0, :, ::2, ::2], tensor(arrays, "out_rest")[index - 1])


def test_batch_with_two_times(unet: UNet, arrays: Arrays) -> None:
    assert_close(unet(tensor(arrays, "x_batch"), tensor(arrays, "t_batch")), tensor(arrays, "out_batch"))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradient(unet: UNet, arrays: Arrays, checkpointing: bool) -> None:
    x = tensor(arrays, "x").requires_grad_()
    unet.checkpointing = checkpointing
    loss = (unet(x, tensor(arrays, "t")[1:2])[:, :3] * tensor(arrays, "cotangent")).sum()
    (grad,) = torch.autograd.grad(loss, x)
    unet.checkpointing = False
    assert_close(grad, tensor(arrays, "grad1"))
