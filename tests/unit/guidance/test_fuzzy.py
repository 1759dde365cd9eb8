"""Noisy copies of embeddings."""

import pytest
import torch

from danqing.diffusion.draws import Draws
from danqing.guidance.fuzzy import COPIES, fuzzy_copies

TEXTS, WEIGHTS = torch.tensor([[3.0, -2, 0], [0, 5, -4]]), torch.tensor([1.5, -0.5])


def test_copies_keep_the_weights_and_are_not_clipped() -> None:
    texts, weights = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((1, 2)), magnitude=0.05)
    assert texts.shape == (2, COPIES * 2, 3)
    assert float(weights.sum()) == pytest.approx(1)
    noise = texts.view(2, COPIES, 2, 3) - TEXTS
    assert float(noise.std()) == pytest.approx(0.05, rel=0.2)
    torch.testing.assert_close(weights.view(COPIES, 2).sum(0), WEIGHTS)


def test_each_picture_and_critic_has_its_own() -> None:
    both, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((1, 2)), magnitude=0.05)
    alone, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((2,)), magnitude=0.05)
    other, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((2,)), magnitude=0.05, critic=1)
    assert torch.equal(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(alone, other)
