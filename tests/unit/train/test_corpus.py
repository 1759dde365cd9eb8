"""Pictures to learn from and pictures to judge by."""

from pathlib import Path

import pytest

from danqing.errors import InvalidRequest
from danqing.train.corpus import Corpus, hold_out
from danqing.train.data import open_corpus


def test_held_out_pictures_are_apart_and_depend_on_the_seed(shards: Path) -> None:
    def numbers(corpus: Corpus) -> set[int]:
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
