"""The ResNet that looks at pictures."""

from dataclasses import replace

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models.clip_resnet import ResNet, ResNetConfig, config_from_state, resnet_heads

TINY = ResNetConfig(resolution=64, width=8, blocks=(1, 2, 1, 1))


@pytest.mark.parametrize(("width", "heads"), [(64, 32), (80, 40), (96, 48), (128, 64), (1, 1)])
def test_heads_follow_the_published_families(width: int, heads: int) -> None:
    assert resnet_heads(replace(TINY, width=width)) == heads


def test_given_heads_win_and_must_fit() -> None:
    assert resnet_heads(replace(TINY, heads=8)) == 8
    with pytest.raises(ValueError, match="5 attention heads"):
        ResNet(replace(TINY, heads=5), 16)


def test_each_picture_is_seen_alone_and_every_corner_counts() -> None:
    tower, pixels = ResNet(TINY, 16).eval(), torch.randn(2, 3, 64, 64, requires_grad=True)
    out = tower(pixels)
    assert out.shape == (2, 16)
    torch.testing.assert_close(tower(pixels[1:]), out[1:])
    (grad,) = torch.autograd.grad(out.square().sum(), pixels)
    assert (grad[..., [0, 0, -1, -1], [0, -1, 0, -1]] != 0).all()


def test_the_configuration_is_read_back() -> None:
    state = ResNet(TINY, 16).state_dict()
    assert config_from_state({f"visual.{name}": tuple(tensor.shape) for name, tensor in state.items()}) == TINY


@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (1, 1, 64, 64), (3, 64, 64)])
def test_other_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="64"):
        ResNet(TINY, 16)(torch.zeros(shape))
