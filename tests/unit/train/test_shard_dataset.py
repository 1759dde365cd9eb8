"""Painted shards: their order, and what is known of every picture."""

from pathlib import Path

import numpy as np

from danqing.train.batches import open_corpus
from danqing.train.captions import full_caption
from danqing.train.shard_dataset import ShardDataset


def test_shards_are_read_in_order(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    assert isinstance(corpus, ShardDataset)
    assert len(corpus) == 40
    assert [int(corpus.pixels(place)[0, 0, 0]) for place in (0, 23, 24, 39)] == [0, 23, 24, 39]
    assert corpus.full_caption(30) == full_caption(corpus.scenes[30])


def test_a_rival_is_not_the_truth(shards: Path) -> None:
    corpus, rng = open_corpus(shards, 8), np.random.default_rng(0)
    assert all(corpus.rival(place, rng) != corpus.full_caption(place) for place in range(40))


def test_every_fact_has_words(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    for place in range(40):
        for kind, value in corpus.facts(place).items():
            assert corpus.sayings[kind][value]
