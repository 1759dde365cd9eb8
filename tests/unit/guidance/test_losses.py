"""Losses where nothing was recorded: zeros, opposites, batches."""

import math

import pytest
import torch

from danqing.errors import ShapeError
from danqing.guidance.losses import clamp_gradient, range_loss, saturation_loss, spherical_distance, tv_loss


def test_distance_of_equal_right_and_opposite_embeddings() -> None:
    texts = torch.tensor([[1.0, 0], [0, 2], [-3, 0]])
    images = torch.tensor([[[[5.0, 0]]]]).requires_grad_()
    distance = spherical_distance(images, texts)
    expected = torch.tensor([[[0, math.pi**2 / 8, math.pi**2 / 2]]])
    torch.testing.assert_close(distance, expected, rtol=1e-3, atol=1e-6)
    (gradient,) = torch.autograd.grad(distance.sum(), images)
    assert bool(gradient.isfinite().all())


def test_texts_may_differ_by_picture() -> None:
    images = torch.randn(4, 2, 1, 8, generator=torch.Generator().manual_seed(0))
    texts = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    together = spherical_distance(images, texts)
    assert together.shape == (4, 2, 3)
    for row in range(2):
        torch.testing.assert_close(together[:, row], spherical_distance(images[:, row : row + 1], texts[row])[:, 0])


def test_embeddings_of_different_length() -> None:
    with pytest.raises(ShapeError, match="8 and 9"):
        spherical_distance(torch.ones(1, 1, 1, 8), torch.ones(2, 9))


def test_image_losses_are_zero_for_a_flat_picture_in_range() -> None:
    flat = torch.full((2, 3, 4, 4), 0.5)
    for loss in (tv_loss, range_loss, saturation_loss):
        assert torch.equal(loss(flat), torch.zeros(2))


def test_image_losses_are_one_number_for_each_picture() -> None:
    images = 2 * torch.randn(3, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    for loss in (tv_loss, range_loss, saturation_loss):
        together = loss(images)
        alone = torch.cat([loss(images[row : row + 1]) for row in range(3)])
        torch.testing.assert_close(together, alone)


def test_clamp_limits_each_picture_by_itself() -> None:
    gradient = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    gradient = gradient * torch.tensor([1e-3, 1.0, 1e3])[:, None, None, None]
    clamped = clamp_gradient(gradient, 0.05)
    assert torch.equal(clamped[0], gradient[0])
    for row in (1, 2):
        assert float(clamped[row].square().mean().sqrt()) == pytest.approx(0.05, rel=1e-5)


def test_clamp_of_nothing_is_nothing() -> None:
    gradient = torch.zeros(2, 3, 4, 4)
    gradient[1] = 7
    clamped = clamp_gradient(gradient, 0.05)
    assert not bool(clamped[0].any())
    torch.testing.assert_close(clamped[1], torch.full((3, 4, 4), 0.05))
