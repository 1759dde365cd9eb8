"""Pictures to learn from and pictures to judge by."""

from pathlib import Path

import numpy as np
import pytest

from danqing.errors import InvalidRequest
from danqing.train.batches import open_corpus
from danqing.train.dataset import CaptionedDataset, ConcatDataset, hold_out
from danqing.train.tasks import vocabulary


def test_held_out_pictures_are_apart_and_depend_on_the_seed(shards: Path) -> None:
    def numbers(corpus: CaptionedDataset) -> set[int]:
        return {int(corpus.pixels(place)[0, 0, 0]) for place in range(len(corpus))}

    corpus = open_corpus(shards, 8)
    train, heldout = hold_out(corpus)
    assert (len(train), len(heldout)) == (36, 4)
    assert numbers(train) | numbers(heldout) == set(range(40))
    assert numbers(hold_out(corpus, seed=1)[1]) != numbers(heldout)
    assert train.full_caption(0) == corpus.full_caption(int(train.places[0]))


def test_one_picture_cannot_be_parted(album: Path) -> None:
    for number in (1, 2):
        (album / f"{number}.txt").unlink()
    with pytest.raises(InvalidRequest):
        hold_out(open_corpus(album, 8))


def test_joined_corpora_are_one(shards: Path, album_elsewhere: Path) -> None:
    painted, own = open_corpus(shards, 8), open_corpus(album_elsewhere, 8)
    joined = ConcatDataset((painted, own))
    assert len(joined) == 43
    assert np.array_equal(joined.pixels(7), painted.pixels(7))
    assert np.array_equal(joined.pixels(41), own.pixels(1))
    assert [joined.full_caption(place) for place in (0, 41)] == [painted.full_caption(0), "左边的船"]
    rng = np.random.default_rng(0)
    assert joined.rival(0, rng) is not None
    assert joined.rival(42, rng) is None
    assert joined.facts(0) == painted.facts(0)
    assert joined.facts(42) == {}
    assert joined.sayings == painted.sayings
    assert vocabulary(joined) >= vocabulary(painted) | vocabulary(own)
    with pytest.raises(IndexError):
        joined.pixels(43)
