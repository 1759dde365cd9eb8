"""Augmentation: what each part does on its own, and how it is drawn."""

import math
from dataclasses import replace

import pytest
import torch

from danqing.diffusion.rng import SeededRandom
from danqing.guidance.augment import HUE_ROTATION, NOISE_STD, Augmentation, augment, sample_augmentation
from danqing.guidance.cutouts import LUMA

N, B, R = 4, 2, 16
YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def still() -> Augmentation:
    """Changes nothing."""
    return Augmentation(
        affine=torch.eye(2, 3).expand(N, B, 2, 3),
        colour=torch.eye(3).expand(N, B, 3, 3),
        offset=torch.zeros(N, B),
        noise=torch.zeros(N, B, 3, R, R),
    )


@pytest.fixture
def cuts() -> torch.Tensor:
    return torch.rand(N, B, 3, R, R, generator=torch.Generator().manual_seed(0))


def drawn(count: int = N, k: int = 0, seeds: tuple[int, ...] = (1, 2)) -> Augmentation:
    return sample_augmentation(SeededRandom(seeds), "cuts/0/0", k, count=count, resolution=R)


def test_a_still_plan_changes_nothing(cuts: torch.Tensor) -> None:
    torch.testing.assert_close(augment(cuts, still()), cuts, rtol=0, atol=1e-5)


def test_a_quarter_turn(cuts: torch.Tensor) -> None:
    turn = torch.tensor([[0.0, -1, 0], [1, 0, 0]]).expand(N, B, 2, 3)
    turned = augment(cuts, replace(still(), affine=turn))
    torch.testing.assert_close(turned, cuts.rot90(1, (-2, -1)), rtol=0, atol=1e-5)


def test_what_comes_in_from_outside_is_black(cuts: torch.Tensor) -> None:
    shift = torch.tensor([[1.0, 0, 0.5], [0, 1, 0]]).expand(N, B, 2, 3)  # a quarter of the width
    shifted = augment(cuts, replace(still(), affine=shift))
    torch.testing.assert_close(shifted[..., : R - R // 4], cuts[..., R // 4 :], rtol=0, atol=1e-5)
    assert not bool(shifted[..., R - R // 4 :].any())


def test_contrast_pulls_toward_the_mean_luma(cuts: torch.Tensor) -> None:
    contrast = 0.9
    plan = replace(still(), colour=contrast * still().colour, offset=torch.full((N, B), 1 - contrast))
    mean = (cuts * torch.tensor(LUMA)[:, None, None]).sum(2).mean((-2, -1))[..., None, None, None]
    torch.testing.assert_close(augment(cuts, plan), contrast * cuts + (1 - contrast) * mean, rtol=0, atol=1e-5)


def test_result_stays_in_range(cuts: torch.Tensor) -> None:
    changed = augment(3 * cuts - 1, drawn())
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1


def test_hue_is_the_turn_of_yiq() -> None:
    quarter = torch.tensor([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    torch.testing.assert_close(YIQ @ torch.tensor(HUE_ROTATION), quarter @ YIQ, rtol=0, atol=1e-3)


def test_drawn_colours_keep_gray_gray_and_luma() -> None:
    """Every drawn matrix is brightness * contrast times one that keeps gray and luma."""
    matrices = drawn(200).colour.flatten(0, 1)
    grays = matrices.sum(-1)  # what white becomes
    torch.testing.assert_close(grays, grays[:, :1].expand(-1, 3), rtol=0, atol=1e-4)
    assert float(grays.min()) > 0.9 * 0.9 - 1e-3
    assert float(grays.max()) < 1.1 * 1.1 + 1e-3
    lumas = torch.tensor(LUMA) @ matrices / grays[:, :1]
    torch.testing.assert_close(lumas, torch.tensor(LUMA).expand_as(lumas), rtol=0, atol=2e-3)


def test_about_one_in_ten_is_gray() -> None:
    matrices = drawn(2000).colour.flatten(0, 1)
    spread = (matrices - matrices.mean(1, keepdim=True)).abs().amax((1, 2))  # equal rows make gray
    assert float((spread < 1e-6).float().mean()) == pytest.approx(0.1, abs=0.02)


def test_turns_and_shifts_stay_small_and_keep_size() -> None:
    affine = drawn(2000).affine.flatten(0, 1)
    angles = torch.atan2(affine[:, 1, 0], affine[:, 0, 0])
    assert math.radians(9.5) < float(angles.abs().max()) <= math.radians(10) + 1e-6
    assert 0.095 < float(affine[:, :, 2].abs().max()) <= 0.1  # of 2, the whole width
    determinant = affine[:, 0, 0] * affine[:, 1, 1] - affine[:, 0, 1] * affine[:, 1, 0]
    torch.testing.assert_close(determinant, torch.ones_like(determinant))


def test_noise_is_as_strong_as_the_three_of_the_original() -> None:
    """0.01 before a rotation by bilinear interpolation and 0.01 twice after it."""
    draws, size = SeededRandom((1,)), 128
    noise = [0.01 * part for part in draws.normal("n", 0, (3, 1, 3, size, size))[0]]
    angle = torch.tensor(0.1)
    rows = torch.stack([angle.cos(), -angle.sin(), torch.tensor(0.013), angle.sin(), angle.cos(), torch.tensor(0.007)])
    grid = torch.nn.functional.affine_grid(rows.view(1, 2, 3), [1, 3, size, size], align_corners=False)
    first = torch.nn.functional.grid_sample(noise[0], grid, align_corners=False)
    three = (first + noise[1] + noise[2])[..., 20:-20, 20:-20]
    assert float(three.std()) == pytest.approx(NOISE_STD, rel=0.02)


def test_every_cut_and_picture_is_changed_on_its_own() -> None:
    both, alone = drawn(), drawn(seeds=(2,))
    for ours, single in ((both.affine, alone.affine), (both.colour, alone.colour), (both.noise, alone.noise)):
        assert torch.equal(ours[:, 1], single[:, 0])
        assert not torch.equal(ours[:, 0], ours[:, 1])
        assert not torch.equal(ours[0], ours[1])
    assert not torch.equal(drawn(k=1).affine, both.affine)


def test_gradients_flow(cuts: torch.Tensor) -> None:
    (gradient,) = torch.autograd.grad(augment(cuts.requires_grad_(), drawn()).sum(), cuts)
    assert bool(gradient.isfinite().all())
    assert bool(gradient.any())
