"""What a training needs to know of its pictures, and how to part them into those to learn from and those to judge by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danqing.errors import InvalidRequest

Pixels = NDArray[np.uint8]
Places = NDArray[np.int64]
Sayings = Mapping[str, Mapping[Any, tuple[str, ...]]]
"""For every kind of fact and every value of it, words that all say it: {"medium": {"ink": ("水墨画", "国画")}}."""


class CaptionedDataset(Protocol):
    """Pictures and what is true of each."""

    def __len__(self) -> int:
        """How many pictures."""
        ...

    def pixels(self, place: int) -> Pixels:
        """Picture number `place`, [R, R, 3] RGB."""
        ...

    def caption(self, place: int, rng: np.random.Generator) -> str:
        """One of the things that can be said about it."""
        ...

    def full_caption(self, place: int) -> str:
        """All that can be said about it, always in the same words."""
        ...

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        """A caption that is almost true of it, but not quite; None where nothing is known about the picture."""
        ...

    def facts(self, place: int) -> Mapping[str, str]:
        """What is known about it, such as {"medium": "ink"}; empty where nothing is."""
        ...

    @property
    def sayings(self) -> Sayings:
        """The words for every fact that pictures of this corpus can have; empty where nothing is known."""
        ...


@dataclass(frozen=True)
class Subset:
    """Some of the pictures of a corpus, a corpus in itself."""

    whole: CaptionedDataset
    places: Places

    def __len__(self) -> int:
        return len(self.places)

    def pixels(self, place: int) -> Pixels:
        return self.whole.pixels(int(self.places[place]))

    def caption(self, place: int, rng: np.random.Generator) -> str:
        return self.whole.caption(int(self.places[place]), rng)

    def full_caption(self, place: int) -> str:
        return self.whole.full_caption(int(self.places[place]))

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        return self.whole.rival(int(self.places[place]), rng)

    def facts(self, place: int) -> Mapping[str, str]:
        return self.whole.facts(int(self.places[place]))

    @property
    def sayings(self) -> Sayings:
        return self.whole.sayings


@dataclass(frozen=True)
class ConcatDataset:
    """Several corpora one after another, a corpus in itself."""

    parts: tuple[CaptionedDataset, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def pixels(self, place: int) -> Pixels:
        part, within = self._find(place)
        return part.pixels(within)

    def caption(self, place: int, rng: np.random.Generator) -> str:
        part, within = self._find(place)
        return part.caption(within, rng)

    def full_caption(self, place: int) -> str:
        part, within = self._find(place)
        return part.full_caption(within)

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        part, within = self._find(place)
        return part.rival(within, rng)

    def facts(self, place: int) -> Mapping[str, str]:
        part, within = self._find(place)
        return part.facts(within)

    @property
    def sayings(self) -> Sayings:
        return {kind: words for part in self.parts for kind, words in part.sayings.items()}

    def _find(self, place: int) -> tuple[CaptionedDataset, int]:
        for part in self.parts:
            if place < len(part):
                return part, place
            place -= len(part)
        raise IndexError(place)


def hold_out(corpus: CaptionedDataset, *, most: int = 512, seed: int = 0) -> tuple[Subset, Subset]:
    """Part a corpus into pictures to train on and pictures to judge by.

    Args:
        corpus: at least two pictures; hundreds, to be of use.
        most: pictures to hold out, but never more than a tenth (at least one).
        seed: which ones.
    Raises:
        InvalidRequest: there are fewer than two pictures.
    """
    if len(corpus) < 2:
        raise InvalidRequest(
            "至少要两张带说明的图片：一张用来训练，一张用来检验。",
            "training takes two captioned pictures at least: one to learn from, one to judge by.",
        )
    order = np.random.default_rng(seed).permutation(len(corpus))
    held = min(most, max(1, len(corpus) // 10))
    return Subset(corpus, np.sort(order[held:])), Subset(corpus, order[:held])
