"""The interface of captioned datasets, subsets, concatenation, and the split into training and evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danqing.errors import InvalidRequest

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]
AttributeCaptions = Mapping[str, Mapping[Any, tuple[str, ...]]]
"""Texts for each value of each attribute, for example {"medium": {"ink": ("水墨画", "国画")}}."""


class CaptionedDataset(Protocol):
    """Pictures with captions and attributes."""

    def __len__(self) -> int:
        """Number of pictures."""
        ...

    def pixels(self, index: int) -> Pixels:
        """Return a picture, [R, R, 3] RGB."""
        ...

    def caption(self, index: int, rng: np.random.Generator) -> str:
        """Draw a random caption of a picture."""
        ...

    def full_caption(self, index: int) -> str:
        """Return the caption with every attribute; always the same."""
        ...

    def hard_negative(self, index: int, rng: np.random.Generator) -> str | None:
        """Draw a caption that differs from the picture in one attribute; None if its attributes are unknown."""
        ...

    def attributes(self, index: int) -> Mapping[str, str]:
        """Return the attributes of a picture, such as {"medium": "ink"}; empty if they are unknown."""
        ...

    @property
    def attribute_captions(self) -> AttributeCaptions:
        """Texts for every attribute that pictures of this dataset can have; empty if they are unknown."""
        ...


@dataclass(frozen=True)
class Subset:
    """A part of a dataset."""

    whole: CaptionedDataset
    indices: Indices

    def __len__(self) -> int:
        return len(self.indices)

    def pixels(self, index: int) -> Pixels:
        return self.whole.pixels(int(self.indices[index]))

    def caption(self, index: int, rng: np.random.Generator) -> str:
        return self.whole.caption(int(self.indices[index]), rng)

    def full_caption(self, index: int) -> str:
        return self.whole.full_caption(int(self.indices[index]))

    def hard_negative(self, index: int, rng: np.random.Generator) -> str | None:
        return self.whole.hard_negative(int(self.indices[index]), rng)

    def attributes(self, index: int) -> Mapping[str, str]:
        return self.whole.attributes(int(self.indices[index]))

    @property
    def attribute_captions(self) -> AttributeCaptions:
        return self.whole.attribute_captions


@dataclass(frozen=True)
class ConcatDataset:
    """Several datasets, one after another."""

    parts: tuple[CaptionedDataset, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def pixels(self, index: int) -> Pixels:
        part, within = self._find(index)
        return part.pixels(within)

    def caption(self, index: int, rng: np.random.Generator) -> str:
        part, within = self._find(index)
        return part.caption(within, rng)

    def full_caption(self, index: int) -> str:
        part, within = self._find(index)
        return part.full_caption(within)

    def hard_negative(self, index: int, rng: np.random.Generator) -> str | None:
        part, within = self._find(index)
        return part.hard_negative(within, rng)

    def attributes(self, index: int) -> Mapping[str, str]:
        part, within = self._find(index)
        return part.attributes(within)

    @property
    def attribute_captions(self) -> AttributeCaptions:
        return {kind: words for part in self.parts for kind, words in part.attribute_captions.items()}

    def _find(self, index: int) -> tuple[CaptionedDataset, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError(index)


def train_val_split(dataset: CaptionedDataset, *, most: int = 512, seed: int = 0) -> tuple[Subset, Subset]:
    """Split a dataset into pictures for training and pictures for evaluation.

    Args:
        dataset: at least two pictures.
        most: largest number of pictures for evaluation, which are at most a tenth, and at least one.
        seed: random seed of the split.
    Raises:
        InvalidRequest: there are fewer than two pictures.
    """
    if len(dataset) < 2:
        raise InvalidRequest(
            "至少要两张带说明的图片：一张用来训练，一张用来检验。",
            "training takes two captioned pictures at least: one to learn from, one to judge by.",
        )
    order = np.random.default_rng(seed).permutation(len(dataset))
    held = min(most, max(1, len(dataset) // 10))
    return Subset(dataset, np.sort(order[held:])), Subset(dataset, order[:held])
