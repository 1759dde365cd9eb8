"""Similarity of pictures: several seeds of one prompt, and pictures and their nearest training pictures."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmarks.jury import Judge, shrunk
from danqing.train.dataset import Pixels

ZOOM = 128
SIDE = 32
"""Pictures are compared at this size: finer grain is no likeness."""


@dataclass(frozen=True)
class Diversity:
    """Mean distances of pairs of pictures.

    judged: one minus the cosine of the judge's embeddings; pixels: RMS over pixels of 32x32 in [0, 1].
    same: of pictures of one prompt; different: of as many pictures of different prompts.
    """

    judged_same: float
    judged_different: float
    pixels_same: float
    pixels_different: float


def diversity(judge: Judge, shown: Sequence[Sequence[Pixels]]) -> Diversity:
    """Compare the pictures of each prompt, at least two, with each other and with those of the next prompts."""
    seen = [judge.see(pictures).numpy() for pictures in shown]
    small = [np.stack([_small(picture) for picture in pictures]) for pictures in shown]
    seeds = len(shown[0])
    across = [[(number + k) % len(shown) for k in range(seeds)] for number in range(len(shown))]

    def judged(group: Sequence[NDArray[np.float32]]) -> list[float]:
        return [float(1 - a @ b) for a, b in combinations(group, 2)]

    def pixels(group: Sequence[NDArray[np.float32]]) -> list[float]:
        return [float(np.sqrt(np.square(a - b).mean())) for a, b in combinations(group, 2)]

    return Diversity(
        judged_same=float(np.mean([value for group in seen for value in judged(list(group))])),
        judged_different=float(np.mean([value for row in across for value in judged([seen[n][0] for n in row])])),
        pixels_same=float(np.mean([value for group in small for value in pixels(list(group))])),
        pixels_different=float(np.mean([value for row in across for value in pixels([small[n][0] for n in row])])),
    )


@dataclass(frozen=True)
class Neighbour:
    """The training picture nearest to a picture: its number, and the RMS distance over pixels of 32x32 in [0, 1]."""

    place: int
    distance: float


def neighbours(pictures: Sequence[Pixels], folder: Path) -> list[Neighbour]:
    """Return the nearest training picture of each picture, including mirrored ones.

    Args:
        pictures: of any size.
        folder: the shards that the model was trained on.
    """
    wanted = _batch(pictures)  # [N, 32, 32, 3]
    best = torch.full((len(pictures),), torch.inf)
    place = torch.zeros(len(pictures), dtype=torch.int64)
    for first, chunk in _chunks(folder):
        small = _batch(list(chunk))
        for view in (small, small.flip(2)):
            distances = torch.cdist(wanted.flatten(1), view.flatten(1)) / wanted[0].numel() ** 0.5
            nearest, where = distances.min(1)
            place = torch.where(nearest < best, first + where, place)
            best = torch.minimum(nearest, best)
    return [Neighbour(int(p), float(d)) for p, d in zip(place, best, strict=True)]


def write_pairs(pictures: Sequence[Pixels], found: Sequence[Neighbour], folder: Path, file: Path) -> None:
    """Write a sheet of two rows: the pictures, and below each its nearest training picture."""
    training = dict(_chunks(folder))
    firsts = sorted(training)
    starts = [firsts[bisect_right(firsts, n.place) - 1] for n in found]
    near = [training[start][n.place - start] for n, start in zip(found, starts, strict=True)]
    rows = [np.concatenate([shrunk(picture, ZOOM) for picture in row], 1) for row in (pictures, near)]
    Image.fromarray(np.concatenate(rows, 0)).save(file)


def _batch(pictures: Sequence[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack([_small(picture) for picture in pictures]))  # pyright: ignore[reportUnknownMemberType]


def _small(picture: Pixels) -> NDArray[np.float32]:
    return shrunk(picture, SIDE).astype(np.float32) / np.float32(255)


def _chunks(folder: Path) -> Iterator[tuple[int, Pixels]]:
    """Yield the shards of a training set, each with the number of its first picture."""
    first = 0
    for file in sorted(folder.glob("*.npy")):
        shard = np.load(file, mmap_mode="r")
        yield first, shard
        first += len(shard)
