"""Cutouts of the whole image and of random squares, resized for CLIP: boxes are sampled first, then cut in one batch."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from danqing.guidance.augment import LUMA, augment, sample_augmentation
from danqing.guidance.resample import resample, resize_matrix
from danqing.types import RandomSource

FOCUS_JITTER = 1 / 8
"""Largest random shift of the focus frame, as a fraction of the short side; a fixed frame becomes visible as edges."""


@dataclass(frozen=True, slots=True)
class CutoutSpec:
    """Number and kind of the cutouts of one batch.

    Args:
        overview: number of cutouts of the whole image; the first four are plain, gray, flipped, gray and flipped; further ones are
            plain.
        inner: number of cutouts of random squares.
        power: exponent of the size distribution: 1 is uniform, larger values prefer small squares.
        gray_share: fraction of gray inner cutouts, 0..1, exact on average over the steps.
        focus: how much the cutouts of a wide or tall image are limited to its middle square: 0 not at all, 1 entirely.
    """

    overview: int
    inner: int
    power: float = 1.0
    gray_share: float = 0.0
    focus: float = 0.0

    @property
    def count(self) -> int:
        """Total number of cutouts."""
        return self.overview + self.inner


@dataclass(frozen=True, eq=False, slots=True)
class CutoutBoxes:
    """Position of each cutout, on the CPU.

    Args:
        boxes: size, left and top of a square in pixels, [n, B, 3]; pixels outside of the image are black.
        gray: whether to convert to grayscale, [n, B] bool.
        flip: whether to mirror left to right, [n, B] bool.
    """

    boxes: Tensor
    gray: Tensor
    flip: Tensor

    def select(self, rows: slice) -> "CutoutBoxes":
        """Return some of the cutouts."""
        return CutoutBoxes(self.boxes[rows], self.gray[rows], self.flip[rows])


class CutoutSampler(Protocol):
    """Makes the cutouts of a batch of images."""

    def __call__(
        self, image: Tensor, spec: CutoutSpec, *, resolution: int, purpose: str, index: int, chunk_size: int
    ) -> Iterator[Tensor]:
        """image [B, 3, H, W] in [0, 1] -> spec.count cutouts, in chunks of [at most chunk_size, B, 3, R, R].

        Equal (purpose, index) give equal cutouts; `chunk_size` does not change them.
        """
        ...


@dataclass(frozen=True, slots=True)
class RandomCutouts:
    """Random cutouts, each flipped with probability 1/2 and augmented independently."""

    rng: RandomSource

    def __call__(
        self, image: Tensor, spec: CutoutSpec, *, resolution: int, purpose: str, index: int, chunk_size: int
    ) -> Iterator[Tensor]:
        """See `CutoutSampler`. All random numbers are drawn first; each chunk is made when it is requested."""
        size = (image.shape[3], image.shape[2])
        boxes = sample_cutouts(self.rng, f"{purpose}/boxes", index, spec=spec, size=size, min_size=resolution)
        flip = self.rng.uniform(f"{purpose}/flip", index, (spec.count,)).movedim(0, 1) < 0.5  # [n, B]
        boxes = replace(boxes, flip=boxes.flip ^ flip)
        augmentation = sample_augmentation(self.rng, purpose, index, count=spec.count, resolution=resolution)
        for first in range(0, spec.count, chunk_size):
            rows = slice(first, first + chunk_size)
            yield augment(make_cutouts(image, boxes.select(rows), resolution), augmentation.select(rows))


def sample_cutouts(
    rng: RandomSource, purpose: str, index: int, *, spec: CutoutSpec, size: tuple[int, int], min_size: int
) -> CutoutBoxes:
    """Sample the boxes of all cutouts of a batch.

    Args:
        rng: read as (purpose, index, ...).
        purpose: distinguishes the batches of cutouts of one step.
        index: respaced index of the step.
        spec: number and kind of the cutouts.
        size: width and height of the images.
        min_size: side of the smallest inner cutout, usually CLIP's resolution; limited to the short side of the image.
    Returns:
        the boxes of n = spec.count cutouts.
    """
    width, height = crop = _crop_size(size, spec.focus)
    uniform = rng.uniform(purpose, index, (spec.inner + 1, 3)).movedim(0, 1)  # [inner + 1, B, 3]
    inner, rounding = uniform[:-1], uniform[-1, :, 0]
    offset = _crop_offset(size, crop, rng.uniform(f"{purpose}/stray", index, (2,)) * 2 - 1)  # [B, 2]
    max_size = min(width, height)
    min_size = min(max_size, min_size)
    side = (inner[..., 0] ** spec.power * (max_size - min_size) + min_size).floor()
    left = (inner[..., 1] * (width - side + 1)).floor() + offset[:, 0]
    top = (inner[..., 2] * (height - side + 1)).floor() + offset[:, 1]
    # Stochastic rounding: 0.8 cutouts out of 4 means one gray cutout in four steps of five.
    gray_count = (spec.gray_share * spec.inner + rounding).floor()  # [B]
    gray = torch.arange(spec.inner)[:, None] < gray_count  # [inner, B]
    overview = _overview(spec.overview, crop, offset)
    return CutoutBoxes(
        torch.cat([overview.boxes, torch.stack([side, left, top], -1)]),
        torch.cat([overview.gray, gray]),
        torch.cat([overview.flip, torch.zeros_like(gray)]),
    )


def overview_cutouts(count: int, *, size: tuple[int, int], batch: int, focus: float = 0.0) -> CutoutBoxes:
    """Return the boxes of cutouts of the whole image, or of its middle with `focus`, padded to a square."""
    crop = _crop_size(size, focus)
    return _overview(count, crop, _crop_offset(size, crop, torch.zeros(batch, 2)))


def make_cutouts(image: Tensor, boxes: CutoutBoxes, resolution: int) -> Tensor:
    """Crop and resize all cutouts in one batched, differentiable resampling.

    Args:
        image: [B, 3, H, W] in [0, 1].
        boxes: position of the cutouts, for the same B.
        resolution: side of a cutout, R.
    Returns:
        [n, B, 3, R, R], about [0, 1].
    Source:
        Disco Diffusion's cutouts before augmentation; equal to them within 3e-5 (tests/golden).
    """
    side, left, top = boxes.boxes.unbind(-1)
    height, width = image.shape[-2:]
    rows = resize_matrix(top, side, length=height, resolution=resolution, device=image.device)  # [n, B, R, H]
    columns = resize_matrix(left, side, length=width, resolution=resolution, device=image.device)  # [n, B, R, W]
    flip = boxes.flip.to(image.device)[..., None, None]
    cutouts = resample(image, rows, torch.where(flip, columns.flip(-2), columns))
    luma = (cutouts * cutouts.new_tensor(LUMA)[:, None, None]).sum(-3, keepdim=True)
    return torch.where(boxes.gray.to(image.device)[..., None, None, None], luma, cutouts)


def _overview(count: int, crop: tuple[int, int], offset: Tensor) -> CutoutBoxes:
    """Return cutouts of a crop with this width and height at left and top `offset` [B, 2], padded to a square."""
    side = max(crop)
    margin = torch.tensor([(side - length) // 2 for length in crop])
    box = torch.cat([torch.full_like(offset[:, :1], side), offset - margin], -1)  # [B, 3]
    number = torch.arange(count)[:, None].expand(-1, len(offset))
    return CutoutBoxes(box.expand(count, -1, -1), (number == 1) | (number == 3), (number == 2) | (number == 3))


def _crop_size(size: tuple[int, int], focus: float) -> tuple[int, int]:
    """Return width and height of the part of the image that is cut from."""
    short = min(size)
    width, height = (length - round((length - short) * focus) for length in size)
    return width, height


def _crop_offset(size: tuple[int, int], crop: tuple[int, int], shift: Tensor) -> Tensor:
    """Return left and top of the crop, [B, 2]: centred, then moved by the relative `shift` [B, 2] in -1..1."""
    margin = (torch.tensor(size) - torch.tensor(crop)) / 2  # [2]
    return (margin + shift * margin.clamp(max=FOCUS_JITTER * min(size))).floor()
