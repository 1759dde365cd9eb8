"""Quality of the single networks on generated held-out pictures: attributes, near misses, error by noise level."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.jury import BATCH, WORDS, Judge, as_batch, rank, shrunk
from danqing.diffusion.noise_schedule import MODEL_STEPS, NoiseSchedule
from danqing.models.unet import UNet
from danqing.train.augment import degrade
from danqing.train.captions import distractors
from danqing.train.clip_loss import recall
from danqing.train.config import DegradationConfig
from danqing.train.scenes import Scene, paint, sample
from danqing.train.shard_dataset import TABLES, ShardDataset
from danqing.types import Prediction

PICTURES, NEAR, NOISY = 1000, 200, 48
TAUS = (100, 200, 400, 600, 800)
SEED = 900_001


@dataclass(frozen=True)
class Encoder:
    """Accuracy of a CLIP on 1,000 held-out pictures, as fractions in [0, 1].

    full_1, full_10, some_1, some_10: recall among 512, as in training; near_1: own caption first among 20 that differ
    in an attribute or two; near_rank: its mean place there, 1 the best.
    attributes, degraded: single attributes named correctly, of clean and of degraded pictures.
    """

    full_1: float
    full_10: float
    some_1: float
    some_10: float
    near_1: float
    near_rank: float
    attributes: dict[str, float]
    degraded: dict[str, float]


def held_out(count: int, side: int) -> ShardDataset:
    """Generate pictures that are not in a training set."""
    scenes: list[Scene] = []
    pixels = np.empty((count, side, side, 3), np.uint8)
    for index in range(count):
        rng = np.random.default_rng([SEED, index])
        scenes.append(sample(rng))
        pixels[index] = shrunk(paint(scenes[-1], rng), side)
    return ShardDataset((pixels,), np.zeros(1, np.int64), tuple(scenes))


@torch.no_grad()
def measure_encoder(judged: Judge, *, count: int = PICTURES) -> Encoder:
    """Measure a CLIP."""
    clip, tokenizer = judged.clip, judged.tokenizer
    dataset = held_out(count, clip.resolution)
    pictures = [dataset.pixels(place) for place in range(count)]
    clean = as_batch(pictures)
    spoilt = degrade(clean, DegradationConfig(clean=0), torch.Generator().manual_seed(0))
    seen = judged.see(pictures)
    dirty = torch.cat([judged.embed(part) for part in spoilt.split(BATCH)])
    ranks = np.array([_near(judged, dataset, seen, place) for place in range(min(NEAR, count))])
    found = recall(clip, tokenizer, dataset, words=WORDS)
    return Encoder(
        full_1=found.full_1,
        full_10=found.full_10,
        some_1=found.some_1,
        some_10=found.some_10,
        near_1=float((ranks == 0).mean()),
        near_rank=float(ranks.mean()) + 1,
        attributes=_attributes(judged, dataset, seen),
        degraded=_attributes(judged, dataset, dirty),
    )


@torch.no_grad()
def measure_unet(unet: UNet, prediction: Prediction, *, side: int, count: int = NOISY) -> dict[str, float]:
    """Return the RMS error of the estimated clean picture, in [-1, 1], at each of `TAUS`."""
    x0 = 2 * as_batch(held_out(count, side).shards[0]) - 1
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    schedule = NoiseSchedule.linear(MODEL_STEPS)  # step k is model time k
    errors: dict[str, float] = {}
    for k in TAUS:
        x = schedule.add_noise(x0, eps, k)
        parts = [x[first : first + 16] for first in range(0, count, 16)]
        said = torch.cat([unet(part, torch.full((len(part),), float(k))) for part in parts])
        _, guess = schedule.eps_and_x0(said, x, k, prediction)
        errors[str(k)] = float((guess - x0).square().mean().sqrt())
    return errors


def _near(judged: Judge, dataset: ShardDataset, seen: Tensor, place: int) -> int:
    scene = dataset.scenes[place]
    return rank(judged.compare(seen[place : place + 1], scene, distractors(scene, np.random.default_rng(place), 20)))[0]


def _attributes(judged: Judge, dataset: ShardDataset, seen: Tensor) -> dict[str, float]:
    """Return for each attribute the fraction of pictures whose own value is the nearest among all values of the attribute."""
    shares: dict[str, float] = {}
    for kind, table in TABLES.items():
        said = F.normalize(torch.stack([judged.read(words).mean(0) for words in table.values()]), dim=1)
        order = {value: number for number, value in enumerate(table)}
        values = torch.tensor([order.get(dataset.attributes(place).get(kind, ""), -1) for place in range(len(dataset))])
        known = values >= 0
        shares[kind] = float(((seen @ said.T).argmax(1) == values)[known].float().mean())
    return shares
