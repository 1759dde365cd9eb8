"""The secondary network at other sizes than the published one."""

import pytest
import torch
from torch import Tensor

from danqing.errors import ShapeError
from danqing.models.secondary import Secondary, SecondaryConfig, config_from_state

NARROW = SecondaryConfig(channels=(8, 16, 24), features=4)


@pytest.mark.parametrize("config", [SecondaryConfig(), NARROW, SecondaryConfig(channels=(8, 8))])
def test_configuration_is_read_back(config: SecondaryConfig) -> None:
    with torch.device("meta"):
        state = Secondary(config).state_dict()
    assert config_from_state({name: tuple(tensor.shape) for name, tensor in state.items()}) == config


def test_published_size() -> None:
    with torch.device("meta"):
        network = Secondary(SecondaryConfig())
    assert sum(parameter.numel() for parameter in network.parameters()) == 13_841_547


def test_narrow_network_runs_at_its_stride() -> None:
    assert NARROW.stride == 4
    assert Secondary(NARROW)(torch.randn(2, 3, 4, 12), torch.tensor([0.0, 1.0])).shape == (2, 3, 4, 12)


def test_half_precision_answers_in_the_dtype_of_x_and_keeps_the_time_apart() -> None:
    network = Secondary(NARROW).eval()
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([0.5])
    whole = network(x, t)
    half = network.bfloat16()(x, t)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, rtol=0.05, atol=0.05)
    assert not torch.equal(network.timestep_embed(t), network.timestep_embed(t + 1e-3))


@pytest.mark.parametrize(
    ("x", "t"),
    [
        (torch.zeros(1, 3, 6, 8), torch.zeros(1)),
        (torch.zeros(1, 1, 8, 8), torch.zeros(1)),
        (torch.zeros(3, 8, 8), torch.zeros(1)),
        (torch.zeros(2, 3, 8, 8), torch.zeros(1)),
    ],
)
def test_wrong_shapes_are_refused(x: Tensor, t: Tensor) -> None:
    with pytest.raises(ShapeError):
        Secondary(NARROW)(x, t)
