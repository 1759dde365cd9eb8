"""Resizing matrices beyond what was recorded."""

import pytest
import torch
from torch.nn import functional as F

from danqing.guidance.resample import resample, resize_matrix


def matrix(start: float, size: float, *, length: int, resolution: int) -> torch.Tensor:
    return resize_matrix(torch.tensor(start), torch.tensor(size), length=length, resolution=resolution)


def test_equal_size_is_the_identity() -> None:
    torch.testing.assert_close(matrix(0, 16, length=16, resolution=16), torch.eye(16))


def test_a_whole_stretch_of_equal_size_is_a_crop() -> None:
    torch.testing.assert_close(matrix(3, 8, length=16, resolution=8), torch.eye(16)[3:11])


@pytest.mark.parametrize("resolution", [8, 24, 40])
def test_rows_sum_to_one_inside(resolution: int) -> None:
    sums = matrix(0, 24, length=24, resolution=resolution).sum(1)
    torch.testing.assert_close(sums[resolution // 4 : -resolution // 4], torch.ones(resolution // 2))


@pytest.mark.parametrize(("start", "size"), [(-40.0, 20.0), (70.0, 20.0)])
def test_outside_of_the_axis_is_black(start: float, size: float) -> None:
    assert not bool(matrix(start, size, length=64, resolution=16).any())


def test_a_stretch_sees_only_itself() -> None:
    weights = matrix(10, 20, length=64, resolution=8)
    assert not bool(weights[:, :10].any())
    assert not bool(weights[:, 30:].any())


@pytest.mark.parametrize("resolution", [24, 96])
def test_inside_it_is_torchs_antialiased_bicubic(resolution: int) -> None:
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    whole = matrix(0, 48, length=48, resolution=resolution)[None, None]
    ours = resample(image, whole, whole)[0]
    theirs = F.interpolate(image, size=(resolution, resolution), mode="bicubic", antialias=True)
    inner = slice(resolution // 8, -resolution // 8)
    torch.testing.assert_close(ours[..., inner, inner], theirs[..., inner, inner], rtol=0, atol=2e-5)


def test_each_cut_of_each_picture_has_its_own_box() -> None:
    images = torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    top, left = torch.tensor([[0, 1], [2, 3], [4, 0]]), torch.tensor([[0, 8], [3, 1], [5, 2]])
    size = torch.full((3, 2), 8)
    rows = resize_matrix(top, size, length=12, resolution=8)
    columns = resize_matrix(left, size, length=16, resolution=8)
    cuts = resample(images, rows, columns)
    assert cuts.shape == (3, 2, 3, 8, 8)
    for n in range(3):
        for b in range(2):
            y, x = int(top[n, b]), int(left[n, b])
            torch.testing.assert_close(cuts[n, b], images[b, :, y : y + 8, x : x + 8], rtol=0, atol=1e-5)
