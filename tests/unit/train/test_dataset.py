"""Pictures to learn from and pictures to judge by."""

from pathlib import Path

import numpy as np
import pytest

from danqing.errors import InvalidRequest
from danqing.train.batches import open_dataset
from danqing.train.dataset import CaptionedDataset, ConcatDataset, train_val_split
from danqing.train.training_run import caption_characters


def test_held_out_pictures_are_apart_and_depend_on_the_seed(shards: Path) -> None:
    def numbers(dataset: CaptionedDataset) -> set[int]:
        return {int(dataset.pixels(place)[0, 0, 0]) for place in range(len(dataset))}

    dataset = open_dataset(shards, 8)
    train, heldout = train_val_split(dataset)
    assert (len(train), len(heldout)) == (36, 4)
    assert numbers(train) | numbers(heldout) == set(range(40))
    assert numbers(train_val_split(dataset, seed=1)[1]) != numbers(heldout)
    assert train.full_caption(0) == dataset.full_caption(int(train.indices[0]))


def test_one_picture_cannot_be_parted(album: Path) -> None:
    for number in (1, 2):
        (album / f"{number}.txt").unlink()
    with pytest.raises(InvalidRequest):
        train_val_split(open_dataset(album, 8))


def test_joined_corpora_are_one(shards: Path, album_elsewhere: Path) -> None:
    painted, own = open_dataset(shards, 8), open_dataset(album_elsewhere, 8)
    joined = ConcatDataset((painted, own))
    assert len(joined) == 43
    assert np.array_equal(joined.pixels(7), painted.pixels(7))
    assert np.array_equal(joined.pixels(41), own.pixels(1))
    assert [joined.full_caption(place) for place in (0, 41)] == [painted.full_caption(0), "左边的船"]
    rng = np.random.default_rng(0)
    assert joined.hard_negative(0, rng) is not None
    assert joined.hard_negative(42, rng) is None
    assert joined.attributes(0) == painted.attributes(0)
    assert joined.attributes(42) == {}
    assert joined.attribute_captions == painted.attribute_captions
    assert caption_characters(joined) >= caption_characters(painted) | caption_characters(own)
    with pytest.raises(IndexError):
        joined.pixels(43)
