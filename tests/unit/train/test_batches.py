"""Batches of pictures that are hard to tell apart, and the mirror."""

from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.errors import InvalidRequest
from danqing.train.batches import (
    GROUP_SIZE,
    AttributeGroups,
    draw_weighted,
    load_batch,
    mirror,
    open_dataset,
    sampling_distribution,
)
from danqing.train.config import PRESETS
from danqing.train.scenes.attributes import Medium, Scene, Subject
from danqing.train.shard_dataset import DETAILS, TABLES, ShardDataset


def test_shards_of_another_size_are_refused(shards: Path) -> None:
    with pytest.raises(InvalidRequest, match="64"):
        open_dataset(shards, 64)


def test_a_batch_holds_no_picture_twice(shards: Path) -> None:
    families, rng = AttributeGroups.of(open_dataset(shards, 8)), np.random.default_rng(0)
    for _ in range(10):
        indices = families.draw(24, 0.5, rng)
        assert len(indices) == len(set(indices.tolist())) == 24
    assert len(families.draw(100, 0.5, rng)) == 40


def test_families_share_a_fact(shards: Path) -> None:
    dataset = open_dataset(shards, 8)
    families = AttributeGroups.of(dataset)
    assert families.members
    for indices in families.members:
        assert len(indices) >= GROUP_SIZE
        first, *rest = (set(dataset.attributes(int(place)).items()) for place in indices)
        assert first.intersection(*rest)


def test_batches_are_in_zero_to_one(shards: Path) -> None:
    pictures = load_batch(open_dataset(shards, 8), np.array([39, 0]), torch.device("cpu"))
    assert pictures.shape == (2, 3, 8, 8)
    assert float(pictures[0, 0, 0, 0]) == pytest.approx(39 / 255)


def test_pictures_with_a_weighted_attribute_are_drawn_more_often(shards: Path) -> None:
    dataset = open_dataset(shards, 8)
    has_light = np.array(["light" in dataset.attributes(index) for index in range(len(dataset))])
    assert 0 < has_light.sum() < len(dataset)
    distribution = sampling_distribution(dataset, {"light": 3.0})
    drawn = draw_weighted(distribution, 8_000, np.random.default_rng(0))
    assert set(drawn.tolist()) == set(range(len(dataset)))
    counts = np.bincount(drawn, minlength=len(dataset))
    assert counts[has_light].mean() / counts[~has_light].mean() == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize(
    ("weights", "shares"), [({"count": 3.0}, (1, 3, 3)), ({"count": 3.0, "subject=cat": 8.0}, (1, 8, 3))]
)
def test_weights_may_name_a_detail_or_a_value(weights: dict[str, float], shares: tuple[float, ...]) -> None:
    scenes = (
        Scene(Medium.INK, subject=Subject.GOURD),
        Scene(Medium.INK, subject=Subject.CAT, count=2),
        Scene(Medium.INK, subject=Subject.OX, count=1),
    )
    dataset = ShardDataset((np.zeros((3, 8, 8, 3), np.uint8),), np.array([0]), scenes)
    np.testing.assert_allclose(
        np.diff(sampling_distribution(dataset, weights), prepend=0), np.array(shares) / sum(shares)
    )


def test_every_weight_of_the_presets_belongs_to_an_attribute_of_scenes() -> None:
    for config in PRESETS.values():
        for key in config.attribute_weights:
            name, _, value = key.partition("=")
            assert name in {*TABLES, *DETAILS}
            assert not value or value in TABLES[name]


def test_without_weights_pictures_are_drawn_evenly(shards: Path) -> None:
    distribution = sampling_distribution(open_dataset(shards, 8), {})
    np.testing.assert_allclose(distribution, np.arange(1, 41) / 40)


def test_sides_are_never_swapped_under_a_caption_that_names_them() -> None:
    pictures = torch.arange(4.0).expand(64, 3, 2, 4)
    rng = np.random.default_rng(0)
    for caption in ("左边的船", "a boat on the right", "left, a boat"):
        assert torch.equal(mirror(pictures, [caption] * 64, rng), pictures)
    flipped = mirror(pictures, ["船"] * 64, rng)[:, 0, 0, 0]
    assert 16 < int((flipped == 3).sum()) < 48
