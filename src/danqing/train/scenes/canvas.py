"""The sheet being painted on: antialiased shapes, soft washes and cloudy noise on a square of 128 pixels."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 128
SHIFT = 4  # OpenCV's fixed point: 1/16 of a pixel

Colour: TypeAlias = tuple[float, float, float]  # red, green, blue in [0, 255]
Field: TypeAlias = NDArray[np.float32]  # [SIZE, SIZE], usually in [0, 1]
Points: TypeAlias = Sequence[tuple[float, float]] | NDArray[np.floating]


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """`a` with `amount` in [0, 1] of `b` in it."""
    return (a[0] + (b[0] - a[0]) * amount, a[1] + (b[1] - a[1]) * amount, a[2] + (b[2] - a[2]) * amount)


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) colour."""
    return (min(colour[0] * factor, 255.0), min(colour[1] * factor, 255.0), min(colour[2] * factor, 255.0))


def clouds(rng: np.random.Generator, cells: int, octaves: int = 3, *, stretch: int = 1) -> Field:
    """Smooth noise in [0, 1]; `stretch` makes it that many times wider than tall."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        rows = cells * 2**octave
        grid = rng.random((rows + 2, max(2, rows // stretch) + 2), dtype=np.float32)
        total += cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low + 1e-6)


class Canvas:
    """A square of uint8 RGB pixels; `pen` outlines every filled shape unless it is None."""

    def __init__(self, ground: Colour, pen: Colour | None = None) -> None:
        self.pixels = np.empty((SIZE, SIZE, 3), np.uint8)
        self.pixels[:] = np.clip(ground, 0, 255)
        self.pen = pen

    def fill(self, points: Points, colour: Colour, *, alpha: float = 1.0, pen: bool = True) -> None:
        """A closed polygon."""
        shape = _fixed(points)
        if alpha >= 1.0:
            cv2.fillPoly(self.pixels, [shape], colour, cv2.LINE_AA, SHIFT)
        else:
            mask = np.zeros((SIZE, SIZE), np.uint8)
            cv2.fillPoly(mask, [shape], 255, cv2.LINE_AA, SHIFT)
            self.wash(mask.astype(np.float32) * (alpha / 255.0), colour)
        if pen and self.pen is not None:
            cv2.polylines(self.pixels, [shape], True, self.pen, 1, cv2.LINE_AA, SHIFT)

    def line(self, points: Points, colour: Colour, width: int = 1) -> None:
        """An open stroke through the points."""
        cv2.polylines(self.pixels, [_fixed(points)], False, colour, max(1, width), cv2.LINE_AA, SHIFT)

    def ellipse(
        self,
        centre: tuple[float, float],
        axes: tuple[float, float],
        colour: Colour,
        *,
        angle: float = 0.0,
        alpha: float = 1.0,
        pen: bool = False,
    ) -> None:
        """A filled ellipse; `axes` are half-lengths, `angle` is in degrees."""
        turn = np.deg2rad(angle)
        around = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        a, b = axes[0] * np.cos(around), axes[1] * np.sin(around)
        x = centre[0] + a * np.cos(turn) - b * np.sin(turn)
        y = centre[1] + a * np.sin(turn) + b * np.cos(turn)
        self.fill(np.stack([x, y], 1), colour, alpha=alpha, pen=pen)

    def wash(self, mask: Field, colour: Colour) -> None:
        """Blends one colour in where `mask` is above zero."""
        self.paint(mask, np.array(colour, np.float32))

    def paint(self, mask: Field, colours: NDArray[np.float32]) -> None:
        """Blends colours, [3] or [SIZE, SIZE, 3], in where `mask` is above zero."""
        amount = mask[..., None]
        self.pixels[:] = np.clip(self.pixels * (1 - amount) + colours * amount, 0, 255)


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.round(np.asarray(points, np.float64) * (1 << SHIFT)).astype(np.int32)
