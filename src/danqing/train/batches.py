"""Batches of training pictures: opening a dataset, sampling by shared attributes, loading and mirroring."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.train.captioned_folder import CaptionedFolder
from danqing.train.dataset import CaptionedDataset, Indices
from danqing.train.shard_dataset import ShardDataset

DIRECTIONAL = re.compile("[左右东西字]|\\b(left|right)\\b")
"""Words of captions that may become untrue when the picture is mirrored."""
GROUP_SIZE = 8
"""Pictures of one group that share an attribute."""


def open_dataset(folder: Path, resolution: int) -> CaptionedDataset:
    """Open the dataset in a folder: painted shards if it has some, else captioned pictures.

    Raises:
        InvalidRequest: the folder contains neither, or shards of another size.
    """
    if not any(folder.glob("*.npy")):
        return CaptionedFolder.open(folder, resolution)
    painted = ShardDataset.open(folder)
    side = painted.shards[0].shape[1]
    if side != resolution:
        raise InvalidRequest(
            f"{folder} 里的图片边长是 {side}，而这个配方要 {resolution}：请用 --size {resolution} 重新生成。",
            f"the pictures in {folder} have sides of {side}, the recipe requires {resolution}: write them with --size.",
        )
    return painted


@dataclass(frozen=True)
class AttributeGroups:
    """Groups of pictures that share an attribute, for batches of similar pictures.

    Attributes:
        size: number of pictures of the dataset.
        members: pictures of each attribute value; values of fewer than `GROUP_SIZE` pictures are left out.
    """

    size: int
    members: tuple[Indices, ...]

    @classmethod
    def of(cls, dataset: CaptionedDataset) -> "AttributeGroups":
        """Group the pictures of a dataset by their attributes."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for index in range(len(dataset)):
            for attribute in dataset.attributes(index).items():
                found[attribute].append(index)
        return cls(len(dataset), tuple(np.array(indices) for indices in found.values() if len(indices) >= GROUP_SIZE))

    def draw(self, batch: int, share: float, rng: np.random.Generator) -> Indices:
        """Draw distinct pictures in random order.

        Args:
            batch: number of pictures; a smaller dataset gives fewer.
            share: share of the batch that is drawn in groups with a common attribute.
            rng: random generator.
        """
        groups = int(batch * share) // GROUP_SIZE if self.members else 0
        chosen = [rng.choice(self.members[int(rng.integers(len(self.members)))], GROUP_SIZE) for _ in range(groups)]
        indices = np.unique(np.concatenate([np.empty(0, np.int64), *chosen]))
        while len(indices) < min(batch, self.size):
            more = rng.integers(self.size, size=min(batch, self.size) - len(indices))
            indices = np.unique(np.concatenate([indices, more]))
        return rng.permutation(indices)


def sampling_distribution(dataset: CaptionedDataset, weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the cumulative probabilities with which pictures are drawn, [N]; see `draw_weighted`.

    Args:
        dataset: the pictures.
        weights: weight of pictures with an attribute, by its name ("count") or by name and value ("subject=cat"); the
            largest counts, and 1 is that of the others.
    """

    def weight(attributes: Mapping[str, str]) -> float:
        names = (key for name, value in attributes.items() for key in (name, f"{name}={value}"))
        return max((weights[name] for name in names if name in weights), default=1.0)

    chances = [weight(dataset.attributes(index)) for index in range(len(dataset))]
    return np.cumsum(chances) / np.sum(chances)


def draw_weighted(distribution: NDArray[np.float64], count: int, rng: np.random.Generator) -> Indices:
    """Draw `count` pictures with replacement from cumulative probabilities."""
    values = rng.random(count) * distribution[-1]
    return np.searchsorted(distribution, values, side="right")  # pyright: ignore[reportUnknownVariableType]


def load_batch(dataset: CaptionedDataset, indices: Indices, device: torch.device) -> Tensor:
    """Return pictures as [N, 3, R, R] in [0, 1] on a device."""
    pixels = np.stack([dataset.pixels(int(index)) for index in indices])
    batch = torch.from_numpy(pixels).to(device)  # pyright: ignore[reportUnknownMemberType]
    return batch.permute(0, 3, 1, 2).float() / 255


def mirror(pictures: Tensor, captions: list[str], rng: np.random.Generator) -> Tensor:
    """Mirror half of the pictures, [N, 3, H, W], except those whose caption mentions sides or writing."""
    flips = [DIRECTIONAL.search(text) is None and rng.random() < 0.5 for text in captions]
    chosen = torch.tensor(flips, device=pictures.device)[:, None, None, None]
    return torch.where(chosen, pictures.flip(3), pictures)
