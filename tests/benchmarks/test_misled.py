"""How easily a CLIP is misled, measured on pictures of the painter."""

import pytest
import torch

from benchmarks.jury import Judge
from benchmarks.misled import SIZES, changed, measure
from benchmarks.prompts import HELD_OUT


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_a_change_brings_the_picture_nearer_and_is_no_larger_than_asked(judge: Judge) -> None:
    side = judge.clip.resolution
    pictures = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    texts = judge.read(["灯塔，夜晚，油画", "荷花，夏天，水彩画"])
    moved = changed([judge], pictures, [texts], 0.05)
    assert float((moved - pictures).square().mean((1, 2, 3)).sqrt().max()) <= 0.0501

    def nearness(shown: torch.Tensor) -> torch.Tensor:
        pixels = [(255 * picture).permute(1, 2, 0).round().byte().numpy() for picture in shown]
        return (judge.see(pixels) * texts).sum(1)

    assert bool((nearness(moved) > nearness(pictures) + 0.1).all())
    assert torch.equal(changed([judge], pictures, [texts], 0.0), pictures)
    twice = changed([judge, judge], pictures, [texts, texts], 0.05)
    torch.testing.assert_close(twice, moved, atol=1e-4, rtol=0)


def test_the_larger_the_change_the_more_is_misled(judge: Judge) -> None:
    rows = measure([judge], {"again": judge}, HELD_OUT[::10])
    assert [row["size"] for row in rows] == list(SIZES)
    assert rows[0]["guide 1"] <= rows[-1]["guide 1"]
    assert rows[-1]["guide 1"] > 0.5
    assert all(row["guide 1"] == row["again"] for row in rows)
