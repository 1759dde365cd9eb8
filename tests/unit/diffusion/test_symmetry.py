"""Mirroring halves."""

import pytest
import torch

from danqing.diffusion import Symmetry


@pytest.mark.parametrize("width", [6, 7])
def test_left_half_wins(width: int) -> None:
    x = torch.randn(1, 3, 4, width)
    mirrored = Symmetry(horizontal=True, vertical=False, steps=frozenset()).mirror(x)
    assert mirrored.shape == x.shape
    assert torch.equal(mirrored, mirrored.flip(-1))
    assert torch.equal(mirrored[..., : (width + 1) // 2], x[..., : (width + 1) // 2])


def test_top_half_wins() -> None:
    x = torch.randn(1, 3, 4, 6)
    mirrored = Symmetry(horizontal=False, vertical=True, steps=frozenset()).mirror(x)
    assert torch.equal(mirrored, torch.cat([x[..., :2, :], x[..., :2, :].flip(-2)], -2))


def test_fractions_become_steps() -> None:
    assert Symmetry.at((0.2, 0.6), 10, horizontal=True, vertical=True).steps == {8, 4}
    assert Symmetry.at((0.0, 1.0), 10, horizontal=True, vertical=True).steps == {9, 0}
