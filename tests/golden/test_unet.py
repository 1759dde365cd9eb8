"""The U-Net against guided-diffusion's, in the three structures that published files have.

`unet_k_tiny` and `unet_p_tiny` were recorded later than the others, with the same recorder and the same package.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from danqing.models.unet import UNet, UNetConfig, config_from_state

from .conftest import Arrays, Meta

EXPECTED = {
    "unet_a512_tiny": UNetConfig(channels=64, multipliers=(0.5, 1, 1, 2, 2, 4, 4), attention=(4, 5, 6)),
    "unet_k_tiny": UNetConfig(
        channels=32, multipliers=(1, 1, 2, 2, 4, 4), attention=(4,), updown=False, scale_shift=False
    ),
    "unet_p_tiny": UNetConfig(channels=32, multipliers=(1, 1, 2, 2, 4, 4), attention=(3, 4, 5), classes=1000, heads=4),
}


@dataclass(frozen=True)
class Recorded:
    """One recording, and our network with the same weights."""

    name: str
    unet: UNet
    arrays: Arrays

    def tensor(self, name: str) -> Tensor:
        return torch.as_tensor(self.arrays[name])

    def labels(self, count: int) -> Tensor | None:
        return self.tensor("y")[:count] if "y" in self.arrays else None


@pytest.fixture(scope="module", params=EXPECTED)
def recorded(
    request: pytest.FixtureRequest,
    golden: Callable[[str], tuple[Arrays, Meta]],
    original_state: Callable[[Meta], dict[str, Tensor]],
) -> Recorded:
    name: str = request.param
    arrays, meta = golden(name)
    state = original_state(meta)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    with torch.device("meta"):
        unet = UNet(config_from_state(shapes, heads=EXPECTED[name].heads))
    unet.load_state_dict(state, strict=True, assign=True)
    return Recorded(name, unet.eval().requires_grad_(False), arrays)


def assert_close(ours: Tensor, recorded: Tensor) -> None:
    torch.testing.assert_close(ours, recorded, rtol=1e-4, atol=1e-4)


def test_configuration_is_read_off_the_names(recorded: Recorded) -> None:
    assert recorded.unet.config == EXPECTED[recorded.name]


def test_output(recorded: Recorded) -> None:
    out = recorded.unet(recorded.tensor("x"), recorded.tensor("t")[:1], recorded.labels(1))
    assert_close(out, recorded.tensor("out0"))


def test_output_at_other_times(recorded: Recorded) -> None:
    for time, expected in zip(recorded.tensor("t")[1:], recorded.tensor("out_rest"), strict=True):
        out = recorded.unet(recorded.tensor("x"), time[None], recorded.labels(1))
        assert_close(out[0, :, ::2, ::2], expected)


def test_batch_with_two_times(recorded: Recorded) -> None:
    out = recorded.unet(recorded.tensor("x_batch"), recorded.tensor("t_batch"), recorded.labels(2))
    assert_close(out, recorded.tensor("out_batch"))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradient(recorded: Recorded, checkpointing: bool) -> None:
    x = recorded.tensor("x").requires_grad_()
    recorded.unet.checkpointing = checkpointing
    out = recorded.unet(x, recorded.tensor("t")[1:2], recorded.labels(1))
    (grad,) = torch.autograd.grad((out[:, :3] * recorded.tensor("cotangent")).sum(), x)
    recorded.unet.checkpointing = False
    assert_close(grad, recorded.tensor("grad1"))
