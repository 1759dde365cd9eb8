"""Whole-sheet operations with types: noise, blur, displacement, slopes, resampling. OpenCV underneath."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 128  # side of every sheet while it is painted, pixels

Field: TypeAlias = NDArray[np.floating]  # [SIZE, SIZE], usually in [0, 1]
Picture: TypeAlias = NDArray[np.floating]  # [SIZE, SIZE, 3] RGB in [0, 255]
Pixels: TypeAlias = NDArray[np.uint8]  # [height, width, 3] RGB

ROWS: Field = np.arange(SIZE, dtype=np.float32)[:, None]  # [SIZE, 1]
COLUMNS: Field = np.arange(SIZE, dtype=np.float32)[None]  # [1, SIZE]


def clouds(rng: np.random.Generator, cells: int, octaves: int = 3, *, stretch: int = 1) -> Field:
    """Smooth noise in [0, 1]; `stretch` makes it that many times wider than tall."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        rows = cells * 2**octave
        grid = rng.random((rows + 2, max(2, rows // stretch) + 2), dtype=np.float32)
        total += resized(grid, (SIZE, SIZE)) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / np.float32(high - low + 1e-6)


def grain(rng: np.random.Generator, amount: float) -> Field:
    """Fine noise of paper around one."""
    return 1 + blurred(rng.standard_normal((SIZE, SIZE), dtype=np.float32), 0.7) * np.float32(amount)


def blurred(sheet: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Gaussian blur of a field or a picture; sigma in pixels."""
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigma), np.float32)


def cleaned(picture: Picture) -> Picture:
    """Median of 3x3 pixels: specks vanish, edges stay."""
    return np.asarray(cv2.medianBlur(np.clip(picture, 0, 255).astype(np.uint8), 3), np.float32)


def resized(sheet: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.floating]:
    """Smoothly resampled to (width, height)."""
    return np.asarray(cv2.resize(sheet, size, interpolation=cv2.INTER_CUBIC), np.float32)


def shrunk(sheet: NDArray[np.floating], size: int) -> NDArray[np.floating]:
    """Averaged over areas to [size, size, ...]."""
    return np.asarray(cv2.resize(sheet, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def wobbled(picture: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Every pixel moved up to `amount` pixels along smooth noise, as wet paper moves a line."""
    across, down = ((clouds(rng, 10, 2) * 2 - 1) * np.float32(amount) for _ in range(2))
    moved = cv2.remap(picture, COLUMNS + across, ROWS + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def slopes(field: Field) -> tuple[Field, Field]:
    """Rates of change to the right and downwards."""
    right, down = cv2.Sobel(field, cv2.CV_32F, 1, 0), cv2.Sobel(field, cv2.CV_32F, 0, 1)
    return np.asarray(right, np.float32), np.asarray(down, np.float32)


def grey(picture: Picture) -> Field:
    """The mean of the three channels."""
    return np.asarray(picture.mean(axis=2), np.float32)
