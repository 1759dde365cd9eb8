"""The encoder's losses, its blemished pictures, and how it is judged."""

from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from danqing.models.clip import MEAN, ChineseClip
from danqing.train.adversarial import AdversarialExamples
from danqing.train.augment import degrade
from danqing.train.batches import open_dataset
from danqing.train.clip_loss import (
    contrastive_loss,
    draw_pairs,
    encoder_loss,
    normalised,
    rank_of_own,
    same,
    symmetric_loss,
)
from danqing.train.config import SMOKE, DegradationConfig
from danqing.train.trainer import TrainRng
from danqing.train.training_run import TrainingRun


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_contrastive_loss_of_equal_logits_is_the_logarithm_of_their_number() -> None:
    loss = contrastive_loss(torch.zeros(4, 4), torch.eye(4, dtype=torch.bool))
    assert float(loss) == pytest.approx(log(4))


def test_equal_texts_are_all_right() -> None:
    right = same(["山", "水", "山"], ["山", "水", "山", "云"])
    expected = [[True, False, True, False], [False, True, False, False], [True, False, True, False]]
    assert torch.equal(right, torch.tensor(expected))
    logits = torch.where(right, 50.0, 0.0)
    assert float(contrastive_loss(logits, right)) == pytest.approx(0, abs=1e-6)


def test_texts_look_for_their_pictures_as_pictures_for_their_texts() -> None:
    cosines = torch.rand(3, 5, generator=generator())
    own = torch.eye(3, 5, dtype=torch.bool)
    found, sought = contrastive_loss(cosines, own), contrastive_loss(cosines[:, :3].T, own[:, :3])
    assert float(symmetric_loss(cosines, own)) == pytest.approx(float(found + sought) / 2)
    square, right = cosines[:, :3], own[:, :3]
    assert float(symmetric_loss(square, right)) == pytest.approx(float(symmetric_loss(square.T, right.T)))


def test_every_picture_is_told_in_full_and_in_part(shards: Path) -> None:
    dataset, rngs = open_dataset(shards, 8), TrainRng.seeded(0, torch.device("cpu"))
    pairs = draw_pairs(dataset, np.arange(40), replace(SMOKE, resolution=8), rngs)
    assert pairs.full == [dataset.full_caption(place) for place in range(40)]
    assert len(pairs.partial) == len(pairs.hard_negatives) == len(pairs.pictures) == 40
    assert sum(one != other for one, other in zip(pairs.partial, pairs.full, strict=True)) > 30
    assert sum(len(text) for text in pairs.partial) < sum(len(text) for text in pairs.full)


def test_the_loss_falls_when_texts_and_pictures_agree(shards: Path) -> None:
    dataset, device = open_dataset(shards, 8), torch.device("cpu")
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    run = TrainingRun(replace(SMOKE, resolution=8), (shards,), shards / "run", device)
    network, tokenizer, rngs = run.network("encoder"), run.tokenizer("encoder"), TrainRng.seeded(0, device)
    pairs = draw_pairs(dataset, np.arange(8), run.recipe, rngs)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses: list[float] = []
    assert isinstance(network, ChineseClip)
    for _ in range(8):
        loss = encoder_loss(
            network, tokenizer, pairs, 52, AdversarialExamples(DegradationConfig(attacked=0), rngs.noise)
        )
        optimiser.zero_grad()
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()  # pyright: ignore[reportUnknownMemberType]
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_rank_counts_only_wrong_answers_before_the_first_right_one() -> None:
    cosines = torch.tensor([[0.9, 0.8, 0.7], [0.9, 0.1, 0.2], [0.5, 0.6, 0.4]])
    own = torch.tensor([[True, False, True], [False, True, False], [False, False, True]])
    assert torch.equal(rank_of_own(cosines, own), torch.tensor([0, 2, 2]))


def test_normalised_brings_the_mean_to_zero() -> None:
    pictures = torch.tensor(MEAN)[None, :, None, None].expand(2, 3, 4, 4)
    assert float(normalised(pictures).abs().max()) < 1e-6


def test_half_of_the_pictures_stay_clean() -> None:
    pictures = torch.rand(8, 3, 32, 32, generator=generator())
    spoilt = degrade(pictures, DegradationConfig(), generator())
    assert spoilt.shape == pictures.shape
    assert torch.equal(spoilt[:4], pictures[:4])
    assert all(not torch.allclose(spoilt[n], pictures[n], atol=0.01) for n in range(4, 8))


def test_no_blemish_is_no_change() -> None:
    pictures = torch.rand(4, 3, 32, 32, generator=generator())
    none = DegradationConfig(clean=0, crop=1, tilt=0, blur=0, noise=0, gray=0, jitter=0)
    assert torch.allclose(degrade(pictures, none, generator()), pictures, atol=1e-4)


def test_pictures_are_reduced_to_what_the_encoder_takes() -> None:
    pictures = torch.rand(4, 3, 32, 32, generator=generator())
    made = degrade(pictures, DegradationConfig(clean=0.5), generator(), resolution=16)
    assert made.shape == (4, 3, 16, 16)
    assert torch.allclose(made[:2], F.avg_pool2d(pictures[:2], 2), atol=1e-6)


@pytest.mark.parametrize("blemishes", [DegradationConfig(clean=0, crop=1, tilt=0, blur=0, noise=0, gray=1, jitter=0)])
def test_gray_is_gray(blemishes: DegradationConfig) -> None:
    spoilt = degrade(torch.rand(4, 3, 32, 32, generator=generator()), blemishes, generator())
    assert torch.allclose(spoilt[:, 0], spoilt[:, 2], atol=1e-5)


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    pictures = torch.rand(4, 3, 32, 32, generator=generator())
    only_blur = DegradationConfig(clean=0, crop=1, tilt=0, blur=3, noise=0, gray=0, jitter=0)
    spoilt = degrade(pictures, only_blur, generator())
    assert float(spoilt.std()) < 0.8 * float(pictures.std())
    assert float(spoilt.mean()) == pytest.approx(float(pictures.mean()), abs=0.01)


def test_blemishes_are_a_function_of_the_generator() -> None:
    pictures = torch.linspace(0, 1, 4 * 3 * 32 * 32).view(4, 3, 32, 32)
    assert torch.equal(
        degrade(pictures, DegradationConfig(), generator()), degrade(pictures, DegradationConfig(), generator())
    )
