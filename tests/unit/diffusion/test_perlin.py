"""Clouds to start from."""

import pytest
import torch

from danqing.diffusion import SeededRandom, perlin_init
from danqing.diffusion.perlin import PerlinMode


@pytest.mark.parametrize("mode", ["color", "gray", "mixed"])
def test_range_shape_and_colour(mode: PerlinMode) -> None:
    clouds = perlin_init(SeededRandom((1, 2)), size=(96, 64), mode=mode)
    assert clouds.shape == (2, 3, 64, 96)
    assert -1 <= float(clouds.min()) < -0.3
    assert 0.3 < float(clouds.max()) <= 1
    gray = torch.equal(clouds[:, 0], clouds[:, 1]) and torch.equal(clouds[:, 1], clouds[:, 2])
    assert gray == (mode == "gray")


def test_every_picture_has_its_own_and_the_same_in_any_batch() -> None:
    both, alone = perlin_init(SeededRandom((1, 2)), size=(64, 64)), perlin_init(SeededRandom((2,)), size=(64, 64))
    torch.testing.assert_close(both[1], alone[0])
    assert not torch.allclose(both[0], both[1], atol=0.1)


def test_clouds_are_soft() -> None:
    clouds = perlin_init(SeededRandom((3,)), size=(128, 128), mode="gray")[0, 0]
    neighbours = (clouds[:, 1:] - clouds[:, :-1]).abs().mean()
    assert float(neighbours) < 0.3 * float(clouds.std())
