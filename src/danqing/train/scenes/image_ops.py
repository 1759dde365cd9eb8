"""Typed image operations on the painter's arrays: noise, blur, displacement, gradients, resampling. OpenCV underneath.

All lengths of the painter are units of 1/128 of the picture's side, whatever its size: an array of `size` = 128 * scale pixels
has `scale` pixels to a unit. The operations read the scale from the array they get.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 128  # side of a picture in the painter's units, and in pixels at scale 1

Field: TypeAlias = NDArray[np.floating]  # [size, size], usually in [0, 1]
Picture: TypeAlias = NDArray[np.floating]  # [size, size, 3] RGB in [0, 255]
Pixels: TypeAlias = NDArray[np.uint8]  # [height, width, 3] RGB


def scale_of(array: NDArray[np.generic]) -> int:
    """Pixels to a unit in an array as wide as the picture."""
    return array.shape[1] // SIZE


def pixel_centres(scale: int) -> Field:
    """Positions of the pixel centres along one axis in units, [SIZE * scale]; 0, 1, 2 ... at scale 1."""
    return ((np.arange(SIZE * scale) - (scale - 1) / 2) / scale).astype(np.float32)


def rows_and_columns(scale: int) -> tuple[Field, Field]:
    """Vertical positions [size, 1] and horizontal positions [1, size] of the pixels, units."""
    centres = pixel_centres(scale)
    return centres[:, None], centres[None]


def clouds(rng: np.random.Generator, cells: int, octaves: int = 3, *, scale: int, stretch: int = 1) -> Field:
    """Smooth noise in [0, 1].

    A larger scale adds finer octaves from a generator of their own, so that `rng` gives the same clouds at every scale.

    Args:
        rng: source of the coarse octaves.
        cells: cells along the side of the coarsest octave.
        octaves: each has twice as many cells as the one before and half its amplitude.
        scale: pixels to a unit.
        stretch: how many times wider than tall a cell is.
    """
    size, finer = SIZE * scale, scale.bit_length() - 1
    total = np.zeros((size, size), np.float32)
    fine_rng = rng.spawn(1)[0] if finer else rng
    for octave in range(octaves + finer):
        rows = cells * 2**octave
        shape = (rows + 2, max(2, rows // stretch) + 2)
        grid = (rng if octave < octaves else fine_rng).random(shape, dtype=np.float32)
        total += resized(grid, (size, size)) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / np.float32(high - low + 1e-6)


def grain(rng: np.random.Generator, amount: float, *, scale: int) -> Field:
    """Noise of paper around one, as strong at every scale; above scale 1 half of it is finer than a unit."""
    coarse = blurred(rng.standard_normal((SIZE, SIZE), dtype=np.float32), 0.7)
    if scale > 1:
        size = SIZE * scale
        fine = blurred(rng.spawn(1)[0].standard_normal((size, size), dtype=np.float32), 0.7 / scale)
        coarse = (resized(coarse, (size, size)) + fine) * np.float32(0.5**0.5)
    return 1 + coarse * np.float32(amount)


def blurred(array: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Gaussian blur of a field or a picture; sigma in units."""
    return np.asarray(cv2.GaussianBlur(array, (0, 0), sigma * scale_of(array)), np.float32)


def cleaned(picture: Picture) -> Picture:
    """Median over three units: specks vanish, edges stay."""
    reach = 2 * scale_of(picture) + 1
    return np.asarray(cv2.medianBlur(np.clip(picture, 0, 255).astype(np.uint8), reach), np.float32)


def resized(array: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.floating]:
    """Cubic resampling to (width, height) pixels."""
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_CUBIC), np.float32)


def shrunk(array: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Area average to [size, size, ...] pixels."""
    return np.asarray(cv2.resize(array, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def displaced(picture: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Displace pixels by up to `amount` units along smooth noise."""
    scale, size = scale_of(picture), len(picture)
    across, down = ((clouds(rng, 10, 2, scale=scale) * 2 - 1) * np.float32(amount * scale) for _ in range(2))
    pixels = np.arange(size, dtype=np.float32)
    moved = cv2.remap(
        picture, pixels[None] + across, pixels[:, None] + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def slopes(field: Field) -> tuple[Field, Field]:
    """Rates of change to the right and downwards, for each pixel."""
    right, down = cv2.Sobel(field, cv2.CV_32F, 1, 0), cv2.Sobel(field, cv2.CV_32F, 0, 1)
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def grey(picture: Picture) -> Field:
    """The mean of the three channels."""
    return np.asarray(picture.mean(axis=2), np.float32)
