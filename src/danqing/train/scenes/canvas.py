"""Drawing surface: antialiased shapes, strokes and soft washes on a square of pixels."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.scenes.image_ops import SIZE, Field, Pixels, rows_and_columns

SHIFT = 4  # OpenCV's fixed point: coordinates in 1/16 of a pixel

Colour: TypeAlias = tuple[float, float, float]  # red, green, blue in [0, 255]
Spot: TypeAlias = tuple[float, float]  # x, y in units of 1/128 of the side
Points: TypeAlias = Sequence[Spot] | NDArray[np.floating]  # [n, 2]


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """`a` with `amount` in [0, 1] of `b` in it."""
    return (a[0] + (b[0] - a[0]) * amount, a[1] + (b[1] - a[1]) * amount, a[2] + (b[2] - a[2]) * amount)


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) colour."""
    return (min(colour[0] * factor, 255.0), min(colour[1] * factor, 255.0), min(colour[2] * factor, 255.0))


def join(x: Sequence[float] | NDArray[np.floating], y: Sequence[float] | NDArray[np.floating]) -> list[Spot]:
    """Spots from their coordinates."""
    return list(zip(map(float, x), map(float, y), strict=True))


class SceneCanvas:
    """A square of uint8 RGB pixels, drawn on in units of 1/128 of its side.

    Args:
        ground: the colour it begins with.
        pen: colour of the outline of every filled shape; None draws no outlines.
        scale: pixels to a unit.
    """

    def __init__(self, ground: Colour, pen: Colour | None = None, *, scale: int = 1) -> None:
        self.scale = scale
        self.size = SIZE * scale
        self.pixels: Pixels = np.empty((self.size, self.size, 3), np.uint8)
        self.pixels[:] = np.clip(ground, 0, 255)
        self.pen = pen
        self.rows, self.columns = rows_and_columns(scale)

    def coverage(self, depth: Field) -> Field:
        """The share of each pixel, 0..1, that lies inside an edge `depth` units away."""
        return np.clip(depth * np.float32(self.scale) + 0.5, 0, 1)

    def full(self, value: float) -> Field:
        """A field of one value."""
        return np.full((self.size, self.size), value, np.float32)

    def fill(self, points: Points, colour: Colour, *, alpha: float = 1.0, pen: bool = True) -> None:
        """A closed polygon."""
        shape = self._fixed(points)
        if alpha >= 1.0:
            cv2.fillPoly(self.pixels, [shape], colour, cv2.LINE_AA, SHIFT)
        else:
            mask = np.zeros((self.size, self.size), np.uint8)
            cv2.fillPoly(mask, [shape], (255,), cv2.LINE_AA, SHIFT)
            self.wash(mask.astype(np.float32) * np.float32(alpha / 255.0), colour)
        if pen and self.pen is not None:
            cv2.polylines(self.pixels, [shape], True, self.pen, self.scale, cv2.LINE_AA, SHIFT)

    def box(self, left: float, right: float, rows: tuple[float, float], colour: Colour, *, pen: bool = True) -> None:
        """A filled upright rectangle; rows are (top, bottom)."""
        top, bottom = rows
        self.fill([(left, top), (right, top), (right, bottom), (left, bottom)], colour, pen=pen)

    def line(self, points: Points, colour: Colour, width: int = 1) -> None:
        """An open stroke through the points."""
        cv2.polylines(self.pixels, [self._fixed(points)], False, colour, max(1, width) * self.scale, cv2.LINE_AA, SHIFT)

    def ellipse(
        self,
        centre: Spot,
        axes: tuple[float, float],
        colour: Colour,
        *,
        angle: float = 0.0,
        alpha: float = 1.0,
        pen: bool = False,
    ) -> None:
        """A filled ellipse; `axes` are half-lengths, `angle` is in degrees."""
        turn = np.deg2rad(angle)
        around = np.linspace(0, 2 * np.pi, 20 * self.scale, endpoint=False)
        a, b = axes[0] * np.cos(around), axes[1] * np.sin(around)
        x = centre[0] + a * np.cos(turn) - b * np.sin(turn)
        y = centre[1] + a * np.sin(turn) + b * np.cos(turn)
        self.fill(np.stack([x, y], 1), colour, alpha=alpha, pen=pen)

    def wash(self, mask: Field, colour: Colour) -> None:
        """Blends one colour in where `mask` is above zero."""
        self.paint(mask, np.array(colour, np.float32))

    def paint(self, mask: Field, colours: NDArray[np.floating]) -> None:
        """Blends colours, [3] or [size, size, 3], in where `mask` is above zero."""
        amount = mask[..., None].astype(np.float32)
        self.pixels[:] = np.clip(self.pixels * (1 - amount) + colours * amount, 0, 255)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        """Points in OpenCV's fixed-point pixels."""
        pixels = np.asarray(points, np.float64) * self.scale + (self.scale - 1) / 2
        return np.round(pixels * (1 << SHIFT)).astype(np.int32)
