"""The last pass over a painted sheet: what brush, paper, press or screen do to it."""

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.scenes.attributes import Artist, Medium, Scene, Time
from danqing.train.scenes.canvas import SIZE, Canvas, Field, clouds
from danqing.train.scenes.palette import Palette

Picture: TypeAlias = NDArray[np.float32]  # [SIZE, SIZE, 3] RGB in [0, 255]

ROWS, COLUMNS = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)


def finish(canvas: Canvas, scene: Scene, colours: Palette, rng: np.random.Generator) -> None:
    """Turns the drawing into a work of its medium, in place, and signs it where that is the custom."""
    picture = canvas.pixels.astype(np.float32)
    canvas.pixels[:] = np.clip(PASSES[scene.medium](picture, scene, rng), 0, 255)
    if scene.medium in (Medium.INK, Medium.BLUE_GREEN, Medium.PRINT):
        _sign(canvas, scene, colours, rng)


def _wobble(picture: Picture, amount: float, rng: np.random.Generator) -> Picture:
    """Moves every pixel a little along smooth noise, as wet paper moves a line."""
    across, down = (clouds(rng, 10, 2) - 0.5) * 2 * amount, (clouds(rng, 10, 2) - 0.5) * 2 * amount
    moved = cv2.remap(picture, COLUMNS + across, ROWS + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.float32)


def _grain(rng: np.random.Generator, amount: float) -> Picture:
    """Fine noise of paper, [SIZE, SIZE, 1], one in the mean."""
    fine = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE), dtype=np.float32), (0, 0), 0.7)
    return (1 + fine * amount)[..., None].astype(np.float32)


def _ink(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Edges wander and bleed, washes pool."""
    wet = _wobble(picture, 1.6, rng)
    wet = np.minimum(wet, cv2.GaussianBlur(wet, (0, 0), 1.3) + 10)
    pools = ((clouds(rng, 9, 3) - 0.5) * 0.5)[..., None]
    dark = 1 - wet / 250.0
    wet = wet - 250.0 * dark * pools
    if scene.artist is Artist.WU_GUANZHONG:
        for _ in range(26):
            colour = ((214, 64, 70), (236, 190, 60), (70, 140, 90), (40, 40, 44))[int(rng.integers(4))]
            centre = (int(rng.integers(SIZE)), int(rng.normal(SIZE * 0.62, SIZE * 0.16)))
            cv2.circle(wet, centre, 2, colour, -1)
    return wet * _grain(rng, 0.018)


def _blue_green(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Mineral colour on woven silk; Zhang Daqian lets it run."""
    if scene.artist is Artist.ZHANG_DAQIAN and scene.subject is None:
        picture = _wobble(cv2.GaussianBlur(picture, (0, 0), 1.0), 5.0, rng)
        splash = np.clip(clouds(rng, 3, 3) * 2.6 - 1.5, 0, 1)[..., None] * 0.55
        picture = picture * (1 - splash) + np.array((30, 96, 128), np.float32) * splash
    weave = 1 + 0.02 * np.sin(ROWS * 2.1)[..., None] * np.sin(COLUMNS * 2.1)[..., None]
    return picture * weave * _grain(rng, 0.02)


def _field(picture: Picture, smooth: float) -> Field:
    """Direction along which colour changes least, radians, [SIZE, SIZE]."""
    grey = cv2.GaussianBlur(picture.mean(axis=2), (0, 0), smooth)
    return np.arctan2(cv2.Sobel(grey, cv2.CV_32F, 0, 1), cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.pi / 2


def _swirls(rng: np.random.Generator) -> Field:
    """Direction of a sky that turns around a few centres, radians, [SIZE, SIZE]."""
    across, down = np.full((SIZE, SIZE), 0.6, np.float32), np.zeros((SIZE, SIZE), np.float32)
    for _ in range(4):
        x, y = rng.uniform(0, SIZE), rng.uniform(0, SIZE * 0.5)
        pull = np.exp(-(((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / 26.0**2)) * 0.35
        across, down = across - pull * (ROWS - y), down + pull * (COLUMNS - x)
    return np.arctan2(down, across)


def _strokes(picture: Picture, angles: Field, rng: np.random.Generator, *, length: float, width: int, jitter: float) -> Picture:
    """Paints the picture again in short strokes along `angles`: broad ones first, then half as long and wide."""
    sheet = np.clip(picture, 0, 255).astype(np.uint8)
    source, painted = cv2.GaussianBlur(sheet, (0, 0), 0.8), cv2.GaussianBlur(sheet, (0, 0), 1.6)
    for share in (1.0, 0.5):
        count = int(1.2 * SIZE * SIZE / (length * share * max(1.0, width * share)))
        spots = rng.integers(0, SIZE, (count, 2))
        rows, columns = spots[:, 0], spots[:, 1]
        turn = angles[rows, columns] + rng.normal(0, 0.15, count)
        run = np.stack([np.cos(turn), np.sin(turn)], 1) * length * share / 2
        ends = np.round(np.stack([spots[:, ::-1] - run, spots[:, ::-1] + run], 1) * 16).astype(np.int32)
        shades = np.clip(source[rows, columns] + rng.normal(0, jitter, (count, 1)) + rng.normal(0, jitter * 0.5, (count, 3)), 0, 255)
        for end, shade in zip(ends.tolist(), shades.tolist(), strict=True):
            cv2.line(painted, end[0], end[1], shade, max(1, round(width * share)), cv2.LINE_AA, 4)
    return _sharpened(painted.astype(np.float32), picture)


def _sharpened(painted: Picture, drawing: Picture) -> Picture:
    """Brings the drawing back where it has fine detail, as a painter does with the smallest brush at the end."""
    contrast = np.abs(drawing - cv2.GaussianBlur(drawing, (0, 0), 2.0)).max(axis=2)
    detail = np.clip(cv2.GaussianBlur(contrast, (0, 0), 1.2) / 22.0, 0, 0.68)[..., None]
    return (painted * (1 - detail) + drawing * detail).astype(np.float32)


def _relief(picture: Picture, amount: float) -> Picture:
    """Light from the upper left on the ridges of thick paint."""
    grey = picture.mean(axis=2)
    slope = cv2.Sobel(grey, cv2.CV_32F, 1, 0) + cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return picture + np.clip(slope * amount, -16, 16)[..., None]


def _oil(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Thick strokes that follow the forms; Van Gogh's sky turns."""
    if scene.artist is Artist.VAN_GOGH:
        sky = np.clip((SIZE * 0.52 - ROWS) / 6, 0, 1) > 0.5
        angles = np.where(sky & (scene.subject is None), _swirls(rng), _field(picture, 2.0))
        return _relief(_strokes(picture, angles, rng, length=11, width=3, jitter=12), 0.07)
    return _relief(_strokes(picture, _field(picture, 2.0), rng, length=9, width=4, jitter=9), 0.06)


def _impression(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Small dabs of broken colour under a light haze."""
    haze = picture * 0.9 + 22 if scene.time is not Time.NIGHT else picture
    flat = np.where(rng.random((SIZE, SIZE), dtype=np.float32) < 0.7, 0.0, _field(haze, 3.0)).astype(np.float32)
    return _strokes(haze, flat, rng, length=7, width=3, jitter=11)


def _watercolour(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Colour runs, dries darker at its edges, and stops short of the sheet's border."""
    sheet = np.clip(_wobble(picture, 2.2, rng), 0, 255).astype(np.uint8)
    wet = cv2.medianBlur(sheet, 3).astype(np.float32)
    soft = cv2.GaussianBlur(wet, (0, 0), 2.5)
    wet = wet - np.clip(soft - wet, -4, 22) * 0.55
    if scene.artist is Artist.TURNER:
        wet = wet * 0.55 + cv2.GaussianBlur(wet, (0, 0), 3.0) * 0.45
    blooms = ((clouds(rng, 4, 3) - 0.5) * 34)[..., None]
    edge = np.minimum(np.minimum(ROWS, SIZE - 1 - ROWS), np.minimum(COLUMNS, SIZE - 1 - COLUMNS))
    inside = np.clip((edge - 1 - 5 * clouds(rng, 8, 2)) / 2.0, 0, 1)[..., None]
    paper = np.array((252, 250, 244), np.float32)
    return ((wet + blooms) * inside + paper * (1 - inside)) * _grain(rng, 0.03)


def _print(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Flat inks through the grain of the wood on cream paper."""
    levels = 7.0
    flat = np.round(cv2.medianBlur(np.clip(picture, 0, 255).astype(np.uint8), 3) / 255.0 * levels) / levels * 255.0
    flat = 0.55 * flat + 0.45 * picture
    wood = 1 + 0.05 * (clouds(rng, 24, 1, stretch=8) - 0.5)[..., None]
    return (flat * np.array((1.0, 0.975, 0.90), np.float32) * wood).astype(np.float32)


def _pixel(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Blocks of four pixels in few colours."""
    crisp = picture * 1.8 - cv2.GaussianBlur(picture, (0, 0), 2.5) * 0.8
    small = cv2.resize(np.clip(crisp, 0, 255), (SIZE // 4, SIZE // 4), interpolation=cv2.INTER_AREA)
    few = np.round(small / 32.0) * 32.0
    return cv2.resize(few, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST).astype(np.float32)


def _sketch(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Pencil hatching, one direction for half tones and a second across it for darks."""
    tone = 1 - cv2.GaussianBlur(picture.mean(axis=2), (0, 0), 0.6) / 250.0
    if scene.time is Time.NIGHT:
        tone = 0.12 + 0.78 * tone
    drift = clouds(rng, 4, 2) * 6
    first = 0.5 + 0.5 * np.sin((COLUMNS + ROWS) * 1.45 + drift)
    second = 0.5 + 0.5 * np.sin((COLUMNS - ROWS) * 1.45 + drift)
    hatch = np.clip(tone * 1.5 - first * 0.55, 0, 1) * 0.6 + np.clip(tone * 1.4 - 0.45 - second * 0.4, 0, 1) * 0.5
    lead = np.clip(hatch * 0.9 + tone * 0.28, 0, 1) * _grain(rng, 0.22)[..., 0]
    return np.repeat((250 - 205 * np.clip(lead, 0, 1))[..., None], 3, axis=2).astype(np.float32)


PASSES: dict[Medium, Callable[[Picture, Scene, np.random.Generator], Picture]] = {
    Medium.INK: _ink,
    Medium.BLUE_GREEN: _blue_green,
    Medium.OIL: _oil,
    Medium.IMPRESSION: _impression,
    Medium.WATERCOLOUR: _watercolour,
    Medium.PRINT: _print,
    Medium.PIXEL: _pixel,
    Medium.SKETCH: _sketch,
}


def _sign(canvas: Canvas, scene: Scene, colours: Palette, rng: np.random.Generator) -> None:
    """A red seal with a column of brush marks above it, in a corner."""
    left = bool(rng.random() < 0.5)
    size = 8.0 if scene.subject is None else 10.0
    x = 5.0 if left else SIZE - 5.0 - size
    y = float(rng.uniform(24, 34)) if scene.subject is None else float(rng.uniform(SIZE - 40, SIZE - 18))
    canvas.fill([(x, y), (x + size, y), (x + size, y + size), (x, y + size)], (188, 36, 32), pen=False)
    canvas.line([(x + size * 0.35, y + 2), (x + size * 0.35, y + size - 2)], (244, 226, 208))
    canvas.line([(x + size * 0.7, y + 2), (x + size * 0.7, y + size * 0.6)], (244, 226, 208))
    for mark in range(3):
        row = y - 5 - mark * 5.5
        slant = float(rng.uniform(-1.5, 1.5))
        canvas.line([(x + 1.5, row + slant), (x + size - 2, row - slant)], colours.dark)
        canvas.line([(x + size / 2, row - 2), (x + size / 2 + slant, row + 2)], colours.dark)
