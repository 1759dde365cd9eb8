"""Brush strokes: the directions they follow, and painting a sheet again with them."""

import cv2
import numpy as np

from danqing.train.scenes.image_ops import COLUMNS, ROWS, SIZE, Field, Picture, blurred, grey, slopes

COVER = 1.2  # how often, on average, a stroke passes over a pixel


def along(picture: Picture, smooth: float) -> Field:
    """The direction in which colour changes least, radians, after a blur of `smooth` pixels."""
    right, down = slopes(blurred(grey(picture), smooth))
    return np.arctan2(down, right) + np.float32(np.pi / 2)


def swirls(rng: np.random.Generator) -> Field:
    """The direction of a sky that turns around four centres, radians."""
    across, down = np.full((SIZE, SIZE), 0.6, np.float32), np.zeros((SIZE, SIZE), np.float32)
    for _ in range(4):
        x, y = rng.uniform(0, SIZE), rng.uniform(0, SIZE * 0.5)
        pull = np.exp(-(((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / 26.0**2)) * 0.35
        across, down = across - pull * (ROWS - y), down + pull * (COLUMNS - x)
    return np.arctan2(down, across).astype(np.float32)


def repainted(
    picture: Picture, angles: Field, rng: np.random.Generator, *, length: float, width: int, jitter: float
) -> Picture:
    """The picture in strokes along `angles`: broad ones, then half as long and wide, then the drawing's detail.

    Args:
        picture: what to paint.
        angles: directions, radians.
        rng: chooses where strokes fall and how their colour strays.
        length: of the broad strokes, pixels.
        width: of the broad strokes, pixels.
        jitter: standard deviation of a stroke's colour, of 255.
    """
    sheet = np.clip(picture, 0, 255).astype(np.float32)
    source, painted = blurred(sheet, 0.8), blurred(sheet, 1.6).astype(np.uint8)
    for share in (1.0, 0.5):
        count = int(COVER * SIZE * SIZE / (length * share * max(1.0, width * share)))
        spots = rng.integers(0, SIZE, (count, 2))  # [count, 2], row and column
        rows, columns = spots[:, 0], spots[:, 1]
        turn = angles[rows, columns] + rng.normal(0, 0.15, count)
        half = np.stack([np.cos(turn), np.sin(turn)], 1) * length * share / 2
        ends = np.round(np.concatenate([spots[:, ::-1] - half, spots[:, ::-1] + half], 1) * 16).astype(int)
        strayed = source[rows, columns] + rng.normal(0, jitter, (count, 1)) + rng.normal(0, jitter / 2, (count, 3))
        tints = np.clip(strayed, 0, 255)
        broad = max(1, round(width * share))
        for (x0, y0, x1, y1), (red, green, blue) in zip(ends.tolist(), tints.tolist(), strict=True):
            cv2.line(painted, (x0, y0), (x1, y1), (red, green, blue), broad, cv2.LINE_AA, 4)
    return _detailed(painted.astype(np.float32), sheet)


def _detailed(painted: Picture, drawing: Picture) -> Picture:
    """Brings the drawing back where it is fine, as a painter does with the smallest brush at the end."""
    contrast = np.abs(drawing - blurred(drawing, 2.0)).max(axis=2)
    detail = np.clip(blurred(contrast, 1.2) / 22.0, 0, 0.68)[..., None]
    return painted * (1 - detail) + drawing * detail


def relief(picture: Picture, amount: float) -> Picture:
    """Light from the upper left on the ridges of thick paint."""
    right, down = slopes(grey(picture))
    return picture + np.clip((right + down) * amount, -16, 16)[..., None]
