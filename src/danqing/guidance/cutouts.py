"""Cuts: the whole picture and parts of it, as CLIP is to see them. First planned, then made, all at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from danqing.guidance.augment import LUMA, augment, plan_augmentation
from danqing.guidance.resample import axis_weights, resample
from danqing.types import Randomness

STRAY = 1 / 8
"""How far a focus strays from the middle, in short sides of the picture: if it stood still, its edges would come to show."""


@dataclass(frozen=True, slots=True)
class CutSpec:
    """Which cuts to make in one go.

    Args:
        overview: cuts of the whole picture: plain, gray, flipped, gray and flipped, then plain again.
        inner: cuts of random squares.
        power: 1 draws their sizes evenly; larger prefers small squares.
        gray_share: share of the inner cuts that are gray, 0..1, met exactly over many steps.
        focus: how much of what a long or tall picture has beside its middle square is left out, 0..1.
    """

    overview: int
    inner: int
    power: float = 1.0
    gray_share: float = 0.0
    focus: float = 0.0

    @property
    def count(self) -> int:
        """Cuts in all."""
        return self.overview + self.inner


@dataclass(frozen=True, eq=False, slots=True)
class CutPlan:
    """Where each cut looks, on the CPU.

    Args:
        boxes: size, left and top of a square in pixels, [n, B, 3]; what lies outside of the picture is black.
        gray: [n, B] bool.
        flip: mirrored left to right, [n, B] bool.
    """

    boxes: Tensor
    gray: Tensor
    flip: Tensor

    def part(self, piece: slice) -> "CutPlan":
        """Some of the cuts."""
        return CutPlan(self.boxes[piece], self.gray[piece], self.flip[piece])


def plan_cuts(
    draws: Randomness, purpose: str, k: int, *, spec: CutSpec, size: tuple[int, int], smallest: int
) -> CutPlan:
    """Draw a plan for every picture.

    Args:
        draws: read as (purpose, k, ...).
        purpose: tells the cuts of one step apart.
        k: the step.
        spec: how many cuts of which kind.
        size: width and height of the pictures.
        smallest: side of the smallest inner cut, usually CLIP's resolution; a smaller picture is looked at whole.
    Returns:
        the plan for n = spec.count cuts.
    """
    width, height = frame = _frame(size, spec.focus)
    chance = draws.uniform(purpose, k, (spec.inner + 1, 3)).movedim(0, 1)  # [inner + 1, B, 3]
    inner, rounding = chance[:-1], chance[-1, :, 0]
    corner = _corner(size, frame, draws.uniform(f"{purpose}/stray", k, (2,)) * 2 - 1)  # [B, 2]
    short = min(width, height)
    least = min(short, smallest)
    side = (inner[..., 0] ** spec.power * (short - least) + least).floor()
    left = (inner[..., 1] * (width - side + 1)).floor() + corner[:, 0]
    top = (inner[..., 2] * (height - side + 1)).floor() + corner[:, 1]
    # An exact share: 0.8 cuts out of 4 means one gray cut in four steps of five.
    count = (spec.gray_share * spec.inner + rounding).floor()  # [B]
    gray = torch.arange(spec.inner)[:, None] < count  # [inner, B]
    whole = _overview(spec.overview, frame, corner)
    return CutPlan(
        torch.cat([whole.boxes, torch.stack([side, left, top], -1)]),
        torch.cat([whole.gray, gray]),
        torch.cat([whole.flip, torch.zeros_like(gray)]),
    )


def plan_overview(count: int, *, size: tuple[int, int], batch: int, focus: float = 0.0) -> CutPlan:
    """The cuts of the whole picture, laid in the middle of a square; with a focus, of its middle."""
    frame = _frame(size, focus)
    return _overview(count, frame, _corner(size, frame, torch.zeros(batch, 2)))


def _overview(count: int, frame: tuple[int, int], corner: Tensor) -> CutPlan:
    """Cuts of a frame of that width and height, whose left and top are [B, 2]."""
    side = max(frame)
    margin = torch.tensor([(side - length) // 2 for length in frame])
    box = torch.cat([torch.full_like(corner[:, :1], side), corner - margin], -1)  # [B, 3]
    number = torch.arange(count)[:, None].expand(-1, len(corner))
    return CutPlan(box.expand(count, -1, -1), (number == 1) | (number == 3), (number == 2) | (number == 3))


def _frame(size: tuple[int, int], focus: float) -> tuple[int, int]:
    """Width and height of what the cuts keep to."""
    short = min(size)
    width, height = (length - round((length - short) * focus) for length in size)
    return width, height


def _corner(size: tuple[int, int], frame: tuple[int, int], stray: Tensor) -> Tensor:
    """Left and top of a frame, [B, 2]; `stray` [B, 2], -1..1, says to which side of the middle, and how far."""
    room = (torch.tensor(size) - torch.tensor(frame)) / 2  # [2]
    return (room + stray * room.clamp(max=STRAY * min(size))).floor()


def cut(image: Tensor, plan: CutPlan, resolution: int) -> Tensor:
    """Make the planned cuts in one batched, differentiable resampling.

    Args:
        image: [B, 3, H, W] in [0, 1].
        plan: where to look, for the same B.
        resolution: side of a cut, R.
    Returns:
        [n, B, 3, R, R], about [0, 1].
    Source:
        Disco Diffusion's cutouts before augmentation; equal to them within 3e-5 (tests/golden).
    """
    side, left, top = plan.boxes.unbind(-1)
    height, width = image.shape[-2:]
    rows = axis_weights(top, side, length=height, resolution=resolution, device=image.device)  # [n, B, R, H]
    columns = axis_weights(left, side, length=width, resolution=resolution, device=image.device)  # [n, B, R, W]
    flip = plan.flip.to(image.device)[..., None, None]
    cuts = resample(image, rows, torch.where(flip, columns.flip(-2), columns))
    luma = (cuts * cuts.new_tensor(LUMA)[:, None, None]).sum(-3, keepdim=True)
    return torch.where(plan.gray.to(image.device)[..., None, None, None], luma, cuts)


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
