"""From a folder to batches: which corpus it holds, which pictures come together, and how they are mirrored."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.train.captioned_folder import CaptionedFolder
from danqing.train.dataset import CaptionedDataset, Places
from danqing.train.shard_dataset import ShardDataset

SIDED = frozenset("左右东西字")  # a caption with one of these may become untrue in the mirror
FAMILY = 8  # pictures of one group of kin


def open_corpus(folder: Path, resolution: int) -> CaptionedDataset:
    """The pictures of a folder: painted shards if it has some, else a user's own.

    Raises:
        InvalidRequest: the folder holds neither, or shards of another size.
    """
    if not any(folder.glob("*.npy")):
        return CaptionedFolder.open(folder, resolution)
    painted = ShardDataset.open(folder)
    side = painted.shards[0].shape[1]
    if side != resolution:
        raise InvalidRequest(
            f"{folder} 里的图片边长是 {side}，而这个配方要 {resolution}：请用 --size {resolution} 重新生成。",
            f"the pictures in {folder} have sides of {side}, the recipe wants {resolution}: write them with --size.",
        )
    return painted


@dataclass(frozen=True)
class AttributeGroups:
    """Pictures that share a fact, for batches in which pictures are hard to tell apart.

    members: for each fact, the pictures it is true of; facts of fewer than `FAMILY` pictures are left out.
    """

    size: int
    members: tuple[Places, ...]

    @classmethod
    def of(cls, corpus: CaptionedDataset) -> "AttributeGroups":
        """The families of a corpus."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place in range(len(corpus)):
            for fact in corpus.facts(place).items():
                found[fact].append(place)
        return cls(len(corpus), tuple(np.array(places) for places in found.values() if len(places) >= FAMILY))

    def draw(self, batch: int, share: float, rng: np.random.Generator) -> Places:
        """Numbers of pictures in no order, none twice, a share of them in families; fewer only if there are fewer pictures."""
        groups = int(batch * share) // FAMILY if self.members else 0
        chosen = [rng.choice(self.members[int(rng.integers(len(self.members)))], FAMILY) for _ in range(groups)]
        places = np.unique(np.concatenate([np.empty(0, np.int64), *chosen]))
        while len(places) < min(batch, self.size):
            more = rng.integers(self.size, size=min(batch, self.size) - len(places))
            places = np.unique(np.concatenate([places, more]))
        return rng.permutation(places)


def load_batch(corpus: CaptionedDataset, places: Places, device: torch.device) -> Tensor:
    """Those pictures as [N, 3, R, R] in [0, 1] on the device."""
    pixels = np.stack([corpus.pixels(int(place)) for place in places])
    batch = torch.from_numpy(pixels).to(device)  # pyright: ignore[reportUnknownMemberType]
    return batch.permute(0, 3, 1, 2).float() / 255


def mirror(pictures: Tensor, captions: list[str], rng: np.random.Generator) -> Tensor:
    """Flip half of the pictures [N, 3, H, W] from left to right, but none whose caption speaks of sides or writing."""
    flips = [SIDED.isdisjoint(text) and rng.random() < 0.5 for text in captions]
    chosen = torch.tensor(flips, device=pictures.device)[:, None, None, None]
    return torch.where(chosen, pictures.flip(3), pictures)
