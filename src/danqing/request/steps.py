"""The stages of a painting: a canvas much larger than what the model learnt is painted small first, then refined at full size."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import torch.nn.functional as F
from torch import Tensor

from danqing.request import Request

LARGER = 1.25
"""A canvas whose short side is more than this many times the model's own is painted in two stages.

A long canvas that is no higher than what the model learnt holds together in one: squeezed, it would lose its detail.
"""
_SECONDARY = 32
"""Both sides of what the secondary network sees are multiples of this, in pixels."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One way down from noise, at one size.

    size: width and height in pixels.
    skip: noisiest steps that are left out.
    before: steps of the stages before this one.
    steps: steps that are taken.
    """

    size: tuple[int, int]
    skip: int
    before: int
    steps: int


def plan_stages(request: Request, *, side: int | None, stride: int) -> tuple[Stage, ...]:
    """The stages of one batch.

    Args:
        request: complete; its `refine` is the share of the steps that is taken again at full size.
        side: of the square pictures that the network learnt from, in pixels; None: nobody knows.
        stride: both sides of a picture are multiples of this.
    Returns:
        one stage, or two of which the last has the canvas's size.
    """
    steps = request.steps - request.skip_steps
    again = round(request.steps * request.refine)
    width, height = request.size
    if side is None or not again or min(width, height) <= LARGER * side:
        return (Stage(request.size, request.skip_steps, 0, steps),)
    unit = lcm(stride, _SECONDARY)
    scale = side / min(width, height)
    small = tuple(max(unit, round(length * scale / unit) * unit) for length in (width, height))
    return (
        Stage((small[0], small[1]), request.skip_steps, 0, steps),
        Stage(request.size, request.steps - again, steps, again),
    )


def steps_of(stages: Sequence[Stage]) -> int:
    """How many steps a batch takes, over all its stages."""
    return stages[-1].before + stages[-1].steps


def resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture [B, 3, H, W] at another width and height, smoothly; the same one where it has that size already."""
    if picture.shape[-2:] == (size[1], size[0]):
        return picture
    return F.interpolate(picture, (size[1], size[0]), mode="bicubic", antialias=True)
