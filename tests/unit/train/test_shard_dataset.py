"""Painted shards: their order, and what is known of every picture."""

from pathlib import Path

import numpy as np

from danqing.train.batches import open_dataset
from danqing.train.captions import full_caption
from danqing.train.shard_dataset import DETAILS, ShardDataset


def test_shards_are_read_in_order(shards: Path) -> None:
    dataset = open_dataset(shards, 8)
    assert isinstance(dataset, ShardDataset)
    assert len(dataset) == 40
    assert [int(dataset.pixels(place)[0, 0, 0]) for place in (0, 23, 24, 39)] == [0, 23, 24, 39]
    assert dataset.full_caption(30) == full_caption(dataset.scenes[30])


def test_a_rival_is_not_the_truth(shards: Path) -> None:
    dataset, rng = open_dataset(shards, 8), np.random.default_rng(0)
    assert all(dataset.hard_negative(place, rng) != dataset.full_caption(place) for place in range(40))


def test_every_fact_has_words(shards: Path) -> None:
    dataset = open_dataset(shards, 8)
    for place in range(40):
        for kind, value in dataset.attributes(place).items():
            assert kind in DETAILS or dataset.attribute_captions[kind][value]
