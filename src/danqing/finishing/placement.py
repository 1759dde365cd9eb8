"""Place an inscription where the picture is calm and the composition needs weight."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from danqing.finishing.ink import DARK, GOLD, SOOT
from danqing.finishing.layout import TextBlock
from danqing.finishing.options import Place
from danqing.finishing.texture import LUMINANCE, Array, blur, to_pixels

MAP_SIDE = 96
"""Long side of the map on which positions are compared."""
FILLED_WEIGHT = 0.45
"""Weight of the colour's distance from the ground beside deviation and gradient."""
MARGIN = 0.055
"""Smallest distance from the picture's edge, as a fraction of the short side."""
CONTRAST = 0.5
"""Difference of luminance between characters and ground below which a position costs more."""


@dataclass(frozen=True, slots=True)
class Position:
    """A block and the position of its left upper corner in pixels."""

    block: TextBlock
    left: float
    top: float
    cost: float


class CalmMap:
    """Map of a picture on which positions are compared: detail, legibility and centre of weight.

    Detail is the local standard deviation of the luminance, its gradient, and the distance of the colour from that of the
    picture's empty ground, measured on a small copy of the picture: the inside of a fruit is smooth, but not empty.
    """

    def __init__(self, image: Image.Image) -> None:
        scale = MAP_SIDE / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = to_pixels(image.resize(size, Image.Resampling.BOX))
        gray = (small @ LUMINANCE).astype(np.float32)
        deviation = np.sqrt((blur(gray * gray, 2.5) - blur(gray, 2.5) ** 2).clip(0)).astype(np.float32)
        gradient = np.zeros_like(gray)
        gradient[:-1] += np.abs(np.diff(gray, axis=0))
        gradient[:, :-1] += np.abs(np.diff(gray, axis=1))
        self.scale = scale
        self.size = image.size
        filled = np.abs(small - _ground(small, gray, deviation)).mean(2)
        self._busy = _integral(deviation + gradient + filled * FILLED_WEIGHT)
        self._illegible = [
            _integral((CONTRAST - np.abs(gray - np.dot(color, LUMINANCE))).clip(0)) for color in (SOOT, GOLD)
        ]
        background = float(np.median(gray))
        self._mass = np.abs(gray - background) + deviation + 1e-3
        ys, xs = np.mgrid[0 : gray.shape[0], 0 : gray.shape[1]]
        self._total = float(self._mass.sum())
        self._moment = float((self._mass * xs).sum()), float((self._mass * ys).sum())

    def cost(self, block: TextBlock, left: float, top: float) -> float:
        """Return how unsuitable a position is: busy, too gray for ink and for gold, or on the side that is already heavy."""
        x0, y0 = int(left * self.scale), int(top * self.scale)
        height, width = self._mass.shape
        x1 = min(width, max(x0 + 1, round((left + block.width) * self.scale)))
        y1 = min(height, max(y0 + 1, round((top + block.height) * self.scale)))
        area = (x1 - x0) * (y1 - y0)
        box = x0, y0, x1, y1
        busy = _mean(self._busy, box)
        illegible = min(_mean(table, box) for table in self._illegible)
        weight = 0.25 * area  # an inscription is about a quarter ink
        x = (self._moment[0] + weight * (x0 + x1) / 2) / (self._total + weight)
        y = (self._moment[1] + weight * (y0 + y1) / 2) / (self._total + weight)
        balance = np.hypot(x / width - 0.5, y / height - 0.5)
        return busy * 12 + illegible * 3 + float(balance) * 1.5 + self._distance_from_edge(block, left, top)

    def _distance_from_edge(self, block: TextBlock, left: float, top: float) -> float:
        """Return a cost of positions far from the picture's left and right edges and from its top."""
        width, height = self.size
        side = min(left, width - left - block.width) / width
        return 0.8 * side + 0.35 * top / height


def _ground(small: Array, gray: Array, deviation: Array) -> Array:
    """Return the colour of the picture's empty ground: of its calm half, and of the lightest quarter of that unless it is dark."""
    calm = deviation <= max(0.04, float(np.median(deviation)))
    if np.median(gray[calm]) >= DARK:
        calm &= gray >= np.quantile(gray[calm], 0.75)
    return np.median(small[calm], axis=0)


def choose_position(calm: CalmMap, blocks: Iterable[TextBlock], place: Place) -> Position | None:
    """Return the best position of the best block.

    Args:
        calm: of the picture.
        blocks: ways to lay out the inscription, among which large characters are preferred.
        place: the corner of the picture to use; auto for the best of all positions.
    Returns:
        None if no block fits into the picture.
    """
    best: Position | None = None
    margin = MARGIN * min(calm.size)
    candidates = list(blocks)
    largest = max((block.size for block in candidates), default=1.0)
    for block in candidates:
        penalty = 1.2 * (1 - block.size / largest) + block.penalty
        for left, top in _positions(calm.size, block, margin, place):
            cost = calm.cost(block, left, top) + penalty
            if best is None or cost < best.cost - 1e-9:
                best = Position(block, left, top, cost)
    return best


def _positions(size: tuple[int, int], block: TextBlock, margin: float, place: Place) -> Iterable[tuple[float, float]]:
    width, height = size
    right, bottom = width - margin - block.width, height - margin - block.height
    if right < margin or bottom < margin:
        return
    if place != "auto":
        yield (right if place[0] == "右" else margin), (margin if place[1] == "上" else bottom)
        return
    for left in np.linspace(margin, right, 17 if right > margin + 1 else 1):
        for top in np.linspace(margin, bottom, 13 if bottom > margin + 1 else 1):
            yield float(left), float(top)


def _mean(table: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Return the mean of a box of a map, from its summed-area table."""
    x0, y0, x1, y1 = box
    total = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return float(total) / max(1, (x1 - x0) * (y1 - y0))


def _integral(values: Array) -> Array:
    return np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
