"""Seeded noise and masks for ink, seals and silk."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.floating[Any]]
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the luminance (ITU-R BT.601)."""


def seeded(*parts: object) -> np.random.Generator:
    """Return a random generator that depends only on the given values."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "replace")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> Array:
    """Return smooth noise in about [-1, 1], [height, width].

    Args:
        rng: source of randomness.
        shape: height and width in pixels.
        cell: distance of two independent values in pixels.
    """
    height, width = shape
    grid = rng.uniform(-1, 1, (max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)))
    image = Image.fromarray(grid.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def fractal_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3) -> Array:
    """Return a sum of smooth noises, each with half the cell and half the amplitude of the one before."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += smooth_noise(rng, shape, max(1.0, cell / 2**octave)) * 0.5**octave
    return total


def blur(mask: Array, radius: float) -> Array:
    """Return a mask with values in [0, 1] after a Gaussian blur."""
    image = Image.fromarray((mask.clip(0, 1) * 255).round().astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def smoothstep(low: float, high: float, values: Array) -> Array:
    """Return a smooth step from 0 at `low` to 1 at `high`."""
    t = ((values - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def to_pixels(image: Image.Image) -> Array:
    """Return an RGB picture as float, [height, width, 3], in [0, 1]."""
    return np.asarray(image.convert("RGB"), np.float32) / 255


def to_image(pixels: Array) -> Image.Image:
    """Return float pixels in [0, 1] as an RGB picture."""
    return Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
