"""Random looks at a picture."""

import pytest
import torch

from danqing.diffusion.draws import Draws
from danqing.guidance.cutouts import CutSpec
from danqing.guidance.views import RandomViews


def views(seeds: tuple[int, ...], k: int = 0, purpose: str = "cuts/0/0", at_once: int = 16) -> torch.Tensor:
    images = torch.linspace(0, 1, 32).expand(len(seeds), 3, 32, 32)
    look = RandomViews(Draws(seeds))(images, CutSpec(6, 10), resolution=16, purpose=purpose, k=k, at_once=at_once)
    pieces = list(look)
    assert all(len(piece) == at_once for piece in pieces[:-1])
    return torch.cat(pieces)


def test_looks_differ_between_cuts_pictures_steps_and_purposes() -> None:
    looks = views((1, 2))
    assert looks.shape == (16, 2, 3, 16, 16)
    assert not torch.equal(looks[:, 0], looks[:, 1])
    assert not torch.equal(looks[0], looks[4])
    assert not torch.equal(looks, views((1, 2), k=1))
    assert not torch.equal(looks, views((1, 2), purpose="cuts/0/1"))


def test_a_picture_is_looked_at_the_same_in_any_batch() -> None:
    torch.testing.assert_close(views((1, 2))[:, 1], views((2,))[:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("at_once", [1, 5, 8])
def test_looking_in_pieces_shows_the_same(at_once: int) -> None:
    torch.testing.assert_close(views((1, 2), at_once=at_once), views((1, 2)), rtol=0, atol=1e-5)


def test_about_half_are_flipped() -> None:
    """The picture brightens to the right; a flipped look brightens to the left."""
    looks = torch.cat([views((1, 2, 3), k)[4:] for k in range(10)])  # overviews past the fourth are plain
    flipped = (looks[..., :8].mean((-3, -2, -1)) > looks[..., 8:].mean((-3, -2, -1))).float()
    assert 0.4 < float(flipped.mean()) < 0.6
