"""What CLIP gets to see in one go: cuts of the picture, drawn, made and changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from danqing.guidance.augment import augment, plan_augmentation
from danqing.guidance.cutouts import CutSpec, cut, plan_cuts
from danqing.types import Randomness


class Views(Protocol):
    """A way of looking at pictures."""

    def __call__(
        self, image: Tensor, spec: CutSpec, *, resolution: int, purpose: str, k: int, at_once: int
    ) -> Iterator[Tensor]:
        """image [B, 3, H, W] in [0, 1] -> spec.count cuts, [at most at_once, B, 3, R, R] at a time.

        (purpose, k) tells one look from another; `at_once` never changes what is seen.
        """
        ...


@dataclass(frozen=True, slots=True)
class RandomViews:
    """Random cuts, each flipped in half of the cases and changed on its own."""

    draws: Randomness

    def __call__(
        self, image: Tensor, spec: CutSpec, *, resolution: int, purpose: str, k: int, at_once: int
    ) -> Iterator[Tensor]:
        """See `Views`. All is drawn first and each piece made when it is asked for."""
        size = (image.shape[3], image.shape[2])
        plan = plan_cuts(self.draws, f"{purpose}/boxes", k, spec=spec, size=size, smallest=resolution)
        coin = self.draws.uniform(f"{purpose}/flip", k, (spec.count,)).movedim(0, 1) < 0.5  # [n, B]
        plan = replace(plan, flip=plan.flip ^ coin)
        change = plan_augmentation(self.draws, purpose, k, count=spec.count, resolution=resolution)
        for first in range(0, spec.count, at_once):
            piece = slice(first, first + at_once)
            yield augment(cut(image, plan.part(piece), resolution), change.part(piece))
