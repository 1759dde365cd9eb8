"""Cutouts: positions, grayscale share, and independence of the batch."""

from dataclasses import replace

import pytest
import torch

from danqing.diffusion.rng import SeededRandom
from danqing.guidance.cutouts import (
    CutoutBoxes,
    CutoutSpec,
    RandomCutouts,
    make_cutouts,
    overview_cutouts,
    sample_cutouts,
)

RNG = SeededRandom((1, 2, 3))


def sample(spec: CutoutSpec, index: int = 0, *, size: tuple[int, int] = (96, 64), min_size: int = 32) -> CutoutBoxes:
    return sample_cutouts(RNG, "cuts", index, spec=spec, size=size, min_size=min_size)


@pytest.mark.parametrize("power", [0.5, 1.0, 5.0])
def test_inner_cuts_lie_in_the_picture(power: float) -> None:
    boxes = sample(CutoutSpec(0, 200, power)).boxes
    assert boxes.shape == (200, 3, 3)
    side, left, top = boxes.unbind(-1)
    assert float(side.min()) >= 32
    assert float(side.max()) <= 64
    assert float(left.min()) >= 0
    assert float(top.min()) >= 0
    assert float((left + side).max()) <= 96
    assert float((top + side).max()) <= 64


def test_a_larger_power_prefers_small_squares() -> None:
    small, even = (float(sample(CutoutSpec(0, 500, power)).boxes[..., 0].mean()) for power in (5.0, 1.0))
    assert small < even - 5


def test_offsets_reach_every_place() -> None:
    _, left, top = sample(CutoutSpec(0, 3000, 100.0)).boxes.unbind(-1)
    assert set(range(65)) == {int(value) for value in left.flatten()}
    assert set(range(33)) == {int(value) for value in top.flatten()}


def test_a_picture_smaller_than_the_cut_is_looked_at_whole() -> None:
    boxes = sample(CutoutSpec(0, 5), size=(32, 32), min_size=64).boxes
    assert torch.equal(boxes, torch.tensor([32.0, 0, 0]).expand(5, 3, 3))


def test_overview_patterns() -> None:
    whole = overview_cutouts(6, size=(96, 64), batch=2)
    assert torch.equal(whole.boxes, torch.tensor([96.0, 0, -16]).expand(6, 2, 3))
    assert torch.equal(whole.gray[:, 1], torch.tensor([False, True, False, True, False, False]))
    assert torch.equal(whole.flip[:, 1], torch.tensor([False, False, True, True, False, False]))


@pytest.mark.parametrize(("size", "long"), [((384, 128), 1), ((128, 384), 2)])
def test_a_focus_keeps_all_cuts_near_the_middle_of_a_long_picture(size: tuple[int, int], long: int) -> None:
    boxes = [sample(CutoutSpec(2, 40, focus=1), k, size=size).boxes for k in range(60)]
    overview, inner = torch.cat([some[:2] for some in boxes]), torch.cat([some[2:] for some in boxes])
    start = overview[..., long]
    assert torch.equal(overview[..., 0], torch.full_like(start, 128))
    assert torch.equal(overview[..., 3 - long], torch.zeros_like(start))
    assert 112 <= float(start.min()) < 114  # it strays by an eighth of the short side
    assert 142 < float(start.max()) <= 144
    assert float(inner[..., 1:].min()) >= 0
    assert float(inner[..., long].min()) >= 112
    assert float((inner[..., long] + inner[..., 0]).max()) <= 272
    assert float((inner[..., 3 - long] + inner[..., 0]).max()) <= 128


def test_cuts_of_one_step_share_their_focus_and_pictures_have_their_own() -> None:
    start = sample(CutoutSpec(4, 0, focus=1), size=(384, 128)).boxes[..., 1]
    assert torch.equal(start, start[:1].expand_as(start))
    assert len({float(place) for place in start[0]}) == 3
    alone = sample_cutouts(SeededRandom((2,)), "cuts", 0, spec=CutoutSpec(4, 0, focus=1), size=(384, 128), min_size=32)
    assert torch.equal(alone.boxes[:, 0, 1], start[:, 1])


def test_half_a_focus_leaves_out_half_of_what_stands_over() -> None:
    seen = overview_cutouts(1, size=(384, 128), batch=2, focus=0.5)
    assert torch.equal(seen.boxes, torch.tensor([256.0, 64, -64]).expand(1, 2, 3))


@pytest.mark.parametrize("size", [(64, 64), (96, 64)])
def test_a_square_has_no_sides_to_leave_out_and_no_focus_changes_nothing(size: tuple[int, int]) -> None:
    focus = 1.0 if size[0] == size[1] else 0.0
    spec = CutoutSpec(3, 50)
    assert torch.equal(sample(replace(spec, focus=focus), size=size).boxes, sample(spec, size=size).boxes)
    assert torch.equal(sample(spec, size=size).boxes[:3], overview_cutouts(3, size=size, batch=3).boxes)


@pytest.mark.parametrize(("share", "inner"), [(0.0, 12), (0.2, 12), (0.2, 4), (0.5, 7), (1.0, 3)])
def test_gray_share_is_exact(share: float, inner: int) -> None:
    counts = torch.stack([sample(CutoutSpec(0, inner, 1, share), k).gray.sum(0) for k in range(300)]).float()
    assert int(counts.min()) == int(share * inner + 1e-6)
    assert int(counts.max()) == -int(-share * inner // 1)
    assert float(counts.mean()) == pytest.approx(share * inner, abs=0.08)


def test_each_picture_and_step_has_its_own_cuts() -> None:
    spec = CutoutSpec(0, 4)
    first = sample(spec).boxes
    assert not torch.equal(first[:, 0], first[:, 1])
    assert not torch.equal(first, sample(spec, 1).boxes)
    alone = sample_cutouts(SeededRandom((2,)), "cuts", 0, spec=spec, size=(96, 64), min_size=32)
    assert torch.equal(alone.boxes[:, 0], first[:, 1])


def test_cuts_of_a_batch_are_those_of_its_pictures() -> None:
    images = torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    together = sample(CutoutSpec(4, 3, 1.0, 0.5))
    cuts = make_cutouts(images, together, 32)
    assert cuts.shape == (7, 3, 3, 32, 32)
    for row in range(3):
        chosen = slice(row, row + 1)
        single = CutoutBoxes(together.boxes[:, chosen], together.gray[:, chosen], together.flip[:, chosen])
        torch.testing.assert_close(cuts[:, chosen], make_cutouts(images[chosen], single, 32), rtol=0, atol=1e-5)


def test_gray_and_flip() -> None:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    plain, gray, flipped, both = make_cutouts(image, overview_cutouts(4, size=(32, 32), batch=1), 32)[:, 0]
    torch.testing.assert_close(flipped, plain.flip(-1))
    torch.testing.assert_close(both, gray.flip(-1))
    assert torch.equal(gray[0], gray[1])
    torch.testing.assert_close(gray[0], 0.2989 * plain[0] + 0.587 * plain[1] + 0.114 * plain[2])


def random_cutouts(
    seeds: tuple[int, ...], index: int = 0, purpose: str = "cuts/0/0", chunk_size: int = 16
) -> torch.Tensor:
    images = torch.linspace(0, 1, 32).expand(len(seeds), 3, 32, 32)
    look = RandomCutouts(SeededRandom(seeds))(
        images, CutoutSpec(6, 10), resolution=16, purpose=purpose, index=index, chunk_size=chunk_size
    )
    pieces = list(look)
    assert all(len(piece) == chunk_size for piece in pieces[:-1])
    return torch.cat(pieces)


def test_looks_differ_between_cuts_pictures_steps_and_purposes() -> None:
    looks = random_cutouts((1, 2))
    assert looks.shape == (16, 2, 3, 16, 16)
    assert not torch.equal(looks[:, 0], looks[:, 1])
    assert not torch.equal(looks[0], looks[4])
    assert not torch.equal(looks, random_cutouts((1, 2), index=1))
    assert not torch.equal(looks, random_cutouts((1, 2), purpose="cuts/0/1"))


def test_a_picture_is_looked_at_the_same_in_any_batch() -> None:
    torch.testing.assert_close(random_cutouts((1, 2))[:, 1], random_cutouts((2,))[:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("chunk_size", [1, 5, 8])
def test_looking_in_pieces_shows_the_same(chunk_size: int) -> None:
    torch.testing.assert_close(random_cutouts((1, 2), chunk_size=chunk_size), random_cutouts((1, 2)), rtol=0, atol=1e-5)


def test_about_half_are_flipped() -> None:
    """The picture brightens to the right; a flipped look brightens to the left."""
    looks = torch.cat([random_cutouts((1, 2, 3), k)[4:] for k in range(10)])  # overviews past the fourth are plain
    flipped = (looks[..., :8].mean((-3, -2, -1)) > looks[..., 8:].mean((-3, -2, -1))).float()
    assert 0.4 < float(flipped.mean()) < 0.6
