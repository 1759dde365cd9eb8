"""Dataset of painted scenes: memory-mapped shards of pictures, and the attributes of each picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from danqing.train.captions import caption, distractors, full_caption
from danqing.train.dataset import AttributeCaptions, Indices, Pixels
from danqing.train.scenes import Scene, vocabulary

TABLES: AttributeCaptions = {
    "medium": vocabulary.MEDIUM,
    "artist": vocabulary.ARTIST,
    "subject": vocabulary.SUBJECT,
    "place": vocabulary.PLACE,
    "time": vocabulary.TIME,
    "season": vocabulary.SEASON,
    "weather": vocabulary.WEATHER,
    "mountain": vocabulary.MOUNTAIN,
    "building": vocabulary.BUILDING,
    "boat": vocabulary.BOAT,
    "plant": vocabulary.PLANT,
    "light": vocabulary.LIGHT,
}
DETAILS = ("sky", "colour", "count", "side", "scale")
"""Attributes that captions bind to the main thing or to the sky, instead of naming them alone."""


@dataclass(frozen=True)
class ShardDataset:
    """Shards written by `danqing train scenes --write`: pictures mapped into memory, scenes read.

    Attributes:
        shards: the pictures, each [n, R, R, 3].
        starts: index of the first picture of each shard.
        scenes: attributes of each picture.
    """

    shards: tuple[Pixels, ...]
    starts: Indices
    scenes: tuple[Scene, ...]

    @classmethod
    def open(cls, folder: Path) -> "ShardDataset":
        """Open the shards of a folder in the order of their names."""
        files = sorted(folder.glob("*.npy"))
        shards = tuple(np.load(file, mmap_mode="r") for file in files)
        starts = np.cumsum([0] + [len(shard) for shard in shards[:-1]])
        lines = (line for file in files for line in file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines())
        return cls(shards, starts, tuple(Scene.from_json(line) for line in lines))

    def __len__(self) -> int:
        return len(self.scenes)

    def pixels(self, index: int) -> Pixels:
        shard = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.shards[shard][index - self.starts[shard]]

    def caption(self, index: int, rng: np.random.Generator) -> str:
        return caption(self.scenes[index], rng)

    def full_caption(self, index: int) -> str:
        return full_caption(self.scenes[index])

    def hard_negative(self, index: int, rng: np.random.Generator) -> str | None:
        return full_caption(distractors(self.scenes[index], rng, 1)[0])

    def attributes(self, index: int) -> Mapping[str, str]:
        scene = self.scenes[index]
        return {name: str(value) for name in (*TABLES, *DETAILS) if (value := getattr(scene, name)) is not None}

    @property
    def attribute_captions(self) -> AttributeCaptions:
        return TABLES
