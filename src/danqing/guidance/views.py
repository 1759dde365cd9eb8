"""What CLIP gets to see in one go: cuts of the picture, drawn, made and changed."""

from dataclasses import dataclass, replace
from typing import Protocol

from torch import Tensor

from danqing.guidance.augment import augment, plan_augmentation
from danqing.guidance.cutouts import CutSpec, cut, plan_cuts
from danqing.types import Randomness


class Views(Protocol):
    """A way of looking at pictures."""

    def __call__(self, image: Tensor, spec: CutSpec, *, resolution: int, purpose: str, k: int) -> Tensor:
        """image [B, 3, H, W] in [0, 1] -> [spec.count, B, 3, R, R]; (purpose, k) tells one look from another."""
        ...


@dataclass(frozen=True, slots=True)
class RandomViews:
    """Random cuts, each flipped in half of the cases and changed on its own."""

    draws: Randomness

    def __call__(self, image: Tensor, spec: CutSpec, *, resolution: int, purpose: str, k: int) -> Tensor:
        """See `Views`."""
        size = (image.shape[3], image.shape[2])
        plan = plan_cuts(self.draws, f"{purpose}/boxes", k, spec=spec, size=size, smallest=resolution)
        coin = self.draws.uniform(f"{purpose}/flip", k, (spec.count,)).movedim(0, 1) < 0.5  # [n, B]
        cuts = cut(image, replace(plan, flip=plan.flip ^ coin), resolution)
        return augment(cuts, plan_augmentation(self.draws, purpose, k, count=spec.count, resolution=resolution))
