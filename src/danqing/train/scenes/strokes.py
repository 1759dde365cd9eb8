"""Brush strokes: directions, and rendering a picture in strokes."""

import cv2
import numpy as np

from danqing.train.scenes.image_ops import SIZE, Field, Picture, blurred, grey, rows_and_columns, scale_of, slopes

COVER = 1.2  # how often, on average, a stroke passes over a pixel


def along(picture: Picture, smooth: float) -> Field:
    """The direction in which colour changes least, radians, after a blur of `smooth` units."""
    right, down = slopes(blurred(grey(picture), smooth))
    return np.arctan2(down, right) + np.float32(np.pi / 2)


def swirls(rng: np.random.Generator, *, scale: int) -> Field:
    """The direction of a sky that turns around four centres, radians."""
    rows, columns = rows_and_columns(scale)
    across, down = np.float32(0.6), np.float32(0.0)
    for _ in range(4):
        x, y = rng.uniform(0, SIZE), rng.uniform(0, SIZE * 0.5)
        pull = np.exp(-(((columns - x) ** 2 + (rows - y) ** 2) / 26.0**2)) * 0.35
        across, down = across - pull * (rows - y), down + pull * (columns - x)
    return np.arctan2(down, across).astype(np.float32)


def repainted(
    picture: Picture, angles: Field, rng: np.random.Generator, *, length: float, width: int, jitter: float
) -> Picture:
    """Render the picture in strokes along `angles`: broad ones, then half as long and wide, then the drawing's detail.

    Above scale 1, strokes of a quarter of the length and width follow, which would be lost at scale 1.

    Args:
        picture: what to paint.
        angles: directions, radians.
        rng: draws the positions of the strokes and their deviations in direction and colour.
        length: of the broad strokes, units.
        width: of the broad strokes, units.
        jitter: standard deviation of a stroke's colour, of 255.
    """
    sheet = np.clip(picture, 0, 255).astype(np.float32)
    source, painted = blurred(sheet, 0.8), blurred(sheet, 1.6).astype(np.uint8)
    scale = scale_of(picture)
    shares = (1.0, 0.5) if scale == 1 else (1.0, 0.5, 0.25)
    fine_rng = rng if scale == 1 else rng.spawn(1)[0]
    for share in shares:
        draw = rng if share >= 0.5 else fine_rng
        count = int(COVER * SIZE * SIZE / (length * share * max(1.0, width * share)))
        spots = draw.integers(0, SIZE, (count, 2)) * scale  # [count, 2] pixels, row and column
        if scale > 1:
            spots = spots + fine_rng.integers(0, scale, (count, 2))
        rows, columns = spots[:, 0], spots[:, 1]
        turn = angles[rows, columns] + draw.normal(0, 0.15, count)
        half = np.stack([np.cos(turn), np.sin(turn)], 1) * length * share * scale / 2
        ends = np.round(np.concatenate([spots[:, ::-1] - half, spots[:, ::-1] + half], 1) * 16).astype(int)
        strayed = source[rows, columns] + draw.normal(0, jitter, (count, 1)) + draw.normal(0, jitter / 2, (count, 3))
        tints = np.clip(strayed, 0, 255)
        broad = max(1, round(width * share) * scale)
        for (x0, y0, x1, y1), (red, green, blue) in zip(ends.tolist(), tints.tolist(), strict=True):
            cv2.line(painted, (x0, y0), (x1, y1), (red, green, blue), broad, cv2.LINE_AA, 4)
    return _detailed(painted.astype(np.float32), sheet)


def _detailed(painted: Picture, drawing: Picture) -> Picture:
    """Blends the drawing back in where it has detail finer than the strokes."""
    contrast = np.abs(drawing - blurred(drawing, 2.0)).max(axis=2)
    detail = np.clip(blurred(contrast, 1.2) / 22.0, 0, 0.68)[..., None]
    return painted * (1 - detail) + drawing * detail


def relief(picture: Picture, amount: float) -> Picture:
    """Shade the ridges of thick paint as if lit from the upper left."""
    right, down = slopes(grey(picture))
    return picture + np.clip((right + down) * amount, -16, 16)[..., None]
