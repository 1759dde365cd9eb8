"""Batches of pictures that are hard to tell apart, and the mirror."""

from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.errors import InvalidRequest
from danqing.train.batches import FAMILY, AttributeGroups, load_batch, mirror, open_corpus


def test_shards_of_another_size_are_refused(shards: Path) -> None:
    with pytest.raises(InvalidRequest, match="64"):
        open_corpus(shards, 64)


def test_a_batch_holds_no_picture_twice(shards: Path) -> None:
    families, rng = AttributeGroups.of(open_corpus(shards, 8)), np.random.default_rng(0)
    for _ in range(10):
        places = families.draw(24, 0.5, rng)
        assert len(places) == len(set(places.tolist())) == 24
    assert len(families.draw(100, 0.5, rng)) == 40


def test_families_share_a_fact(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    families = AttributeGroups.of(corpus)
    assert families.members
    for places in families.members:
        assert len(places) >= FAMILY
        first, *rest = (set(corpus.facts(int(place)).items()) for place in places)
        assert first.intersection(*rest)


def test_batches_are_in_zero_to_one(shards: Path) -> None:
    pictures = load_batch(open_corpus(shards, 8), np.array([39, 0]), torch.device("cpu"))
    assert pictures.shape == (2, 3, 8, 8)
    assert float(pictures[0, 0, 0, 0]) == pytest.approx(39 / 255)


def test_sides_are_never_swapped_under_a_caption_that_names_them() -> None:
    pictures = torch.arange(4.0).expand(64, 3, 2, 4)
    rng = np.random.default_rng(0)
    assert torch.equal(mirror(pictures, ["左边的船"] * 64, rng), pictures)
    flipped = mirror(pictures, ["船"] * 64, rng)[:, 0, 0, 0]
    assert 16 < int((flipped == 3).sum()) < 48
