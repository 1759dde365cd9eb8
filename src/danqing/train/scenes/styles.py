"""Rendering of the medium, the last step of a picture: brush, paper, print or screen texture."""

from collections.abc import Callable

import numpy as np

from danqing.train.scenes.attributes import Artist, Medium, Scene, Time
from danqing.train.scenes.canvas import Colour, SceneCanvas
from danqing.train.scenes.image_ops import (
    SIZE,
    Picture,
    blurred,
    cleaned,
    clouds,
    displaced,
    grain,
    grey,
    rows_and_columns,
    scale_of,
    shrunk,
)
from danqing.train.scenes.palette import Palette
from danqing.train.scenes.strokes import along, relief, repainted, swirls

DOTS: tuple[Colour, ...] = ((214, 64, 70), (236, 190, 60), (70, 140, 90), (40, 40, 44))
SEAL, CUT = (188.0, 36.0, 32.0), (244.0, 226.0, 208.0)


def finish(canvas: SceneCanvas, scene: Scene, colours: Palette, rng: np.random.Generator) -> None:
    """Apply the texture of the medium in place, and a seal where the medium has one."""
    picture = canvas.pixels.astype(np.float32)
    canvas.pixels[:] = np.clip(PASSES[scene.medium](picture, scene, rng), 0, 255)
    if scene.artist is Artist.WU_GUANZHONG:
        _dots(canvas, rng)
    if scene.medium in (Medium.INK, Medium.BLUE_GREEN, Medium.PRINT):
        _sign(canvas, scene, colours, rng)


def _ink(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Edges wander and bleed, washes pool; Xu Beihong's brush is drier and darker."""
    scale = scale_of(picture)
    wet = displaced(picture, 1.6, rng)
    wet = np.minimum(wet, blurred(wet, 1.3) + 10)
    dark = np.clip(1 - wet / 250.0, 0, 1)
    pools = (clouds(rng, 9, 3, scale=scale) - 0.5) * 0.5
    if scene.artist is Artist.XU_BEIHONG:
        pools = 0.25 + (clouds(rng, 40, 2, scale=scale, stretch=6) - 0.5) * 1.1
    return (wet - 250.0 * dark * pools[..., None]) * grain(rng, 0.018, scale=scale)[..., None]


def _blue_green(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Mineral colour on woven silk; Zhang Daqian lets it run."""
    scale = scale_of(picture)
    rows, columns = rows_and_columns(scale)
    if scene.artist is Artist.ZHANG_DAQIAN and scene.subject is None:
        picture = displaced(blurred(picture, 0.8), 4.0, rng)
        splash = np.clip(clouds(rng, 3, 3, scale=scale) * 2.6 - 1.5, 0, 1)[..., None] * 0.5
        picture = picture * (1 - splash) + np.array((30, 96, 128), np.float32) * splash
    weave = 1 + 0.02 * np.sin(rows * 2.1) * np.sin(columns * 2.1)
    return picture * (weave * grain(rng, 0.02, scale=scale))[..., None]


def _oil(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Thick strokes that follow the forms; Van Gogh's sky turns."""
    forms = along(picture, 2.0)
    if scene.artist is Artist.VAN_GOGH:
        rows, _ = rows_and_columns(scale_of(picture))
        sky = (rows < SIZE * 0.52) & (scene.subject is None)
        angles = np.where(sky, swirls(rng, scale=scale_of(picture)), forms)
        return relief(repainted(picture, angles, rng, length=11, width=3, jitter=12), 0.07)
    return relief(repainted(picture, forms, rng, length=9, width=4, jitter=9), 0.06)


def _impression(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Small dabs of broken colour, mostly level, under a light haze."""
    haze = picture * 0.94 + 14 if scene.time is not Time.NIGHT else picture
    scale = scale_of(picture)
    level = np.kron(rng.random((SIZE, SIZE), dtype=np.float32) < 0.7, np.ones((scale, scale), bool))
    angles = np.where(level, 0, along(haze, 3.0)).astype(np.float32)
    return repainted(haze, angles, rng, length=7, width=3, jitter=10)


def _watercolour(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Colour runs, dries darker at its edges, and stops short of the sheet's border."""
    scale = scale_of(picture)
    rows, columns = rows_and_columns(scale)
    wet = cleaned(displaced(picture, 2.2, rng))
    wet = wet - np.clip(blurred(wet, 2.5) - wet, -4, 22) * 0.55
    if scene.artist is Artist.TURNER:
        wet = wet * 0.6 + blurred(wet, 3.0) * 0.4
    blooms = ((clouds(rng, 4, 3, scale=scale) - 0.5) * 34)[..., None]
    edge = np.minimum(np.minimum(rows, SIZE - 1 - rows), np.minimum(columns, SIZE - 1 - columns))
    inside = np.clip((edge - 1 - 5 * clouds(rng, 8, 2, scale=scale)) / 2.0, 0, 1)[..., None]
    paper = np.array((252, 250, 244), np.float32)
    return ((wet + blooms) * inside + paper * (1 - inside)) * grain(rng, 0.03, scale=scale)[..., None]


def _print(picture: Picture, _scene: Scene, rng: np.random.Generator) -> Picture:
    """Flat inks through the grain of the wood on cream paper."""
    levels = 7.0
    flat = np.round(cleaned(picture) / 255.0 * levels) / levels * 255.0
    wood = 1 + 0.05 * (clouds(rng, 24, 1, scale=scale_of(picture), stretch=8) - 0.5)
    return (0.55 * flat + 0.45 * picture) * np.array((1.0, 0.975, 0.90), np.float32) * wood[..., None]


def _pixel(picture: Picture, _scene: Scene, _rng: np.random.Generator) -> Picture:
    """Blocks of four by four units in few colours."""
    crisp = np.clip(picture * 1.8 - blurred(picture, 2.5) * 0.8, 0, 255)
    few = np.round(shrunk(crisp, SIZE // 4) / 32.0) * 32.0
    block = 4 * scale_of(picture)
    return few.repeat(block, axis=0).repeat(block, axis=1)


def _sketch(picture: Picture, scene: Scene, rng: np.random.Generator) -> Picture:
    """Pencil hatching, one direction for half tones and a second across it for darks."""
    scale = scale_of(picture)
    rows, columns = rows_and_columns(scale)
    tone = 1 - blurred(grey(picture), 0.6) / 250.0
    if scene.time is Time.NIGHT:
        tone = 0.12 + 0.78 * tone
    drift = clouds(rng, 4, 2, scale=scale) * 6
    first = 0.5 + 0.5 * np.sin((columns + rows) * 1.45 + drift)
    second = 0.5 + 0.5 * np.sin((columns - rows) * 1.45 + drift)
    hatch = np.clip(tone * 1.5 - first * 0.55, 0, 1) * 0.6 + np.clip(tone * 1.4 - 0.45 - second * 0.4, 0, 1) * 0.5
    lead = np.clip((hatch * 0.9 + tone * 0.28) * grain(rng, 0.22, scale=scale), 0, 1)
    return (250 - 205 * lead)[..., None].repeat(3, axis=2).astype(np.float32)


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


def _dots(canvas: SceneCanvas, rng: np.random.Generator) -> None:
    """Wu Guanzhong's dots of red, yellow, green and black, strewn over the lower half."""
    for _ in range(24):
        size = float(rng.uniform(1.2, 2.4))
        spot = (float(rng.uniform(0, SIZE)), float(rng.normal(SIZE * 0.66, SIZE * 0.15)))
        canvas.ellipse(spot, (size, size), DOTS[int(rng.integers(len(DOTS)))])


def _sign(canvas: SceneCanvas, scene: Scene, colours: Palette, rng: np.random.Generator) -> None:
    """A red seal under a column of brush marks, near an edge."""
    size = 8.0 if scene.subject is None else 10.0
    x = 5.0 if rng.random() < 0.5 else SIZE - 5.0 - size
    y = float(rng.uniform(24, 34) if scene.subject is None else rng.uniform(SIZE - 40, SIZE - 18))
    canvas.box(x, x + size, (y, y + size), SEAL, pen=False)
    canvas.line([(x + size * 0.35, y + 2), (x + size * 0.35, y + size - 2)], CUT)
    canvas.line([(x + size * 0.7, y + 2), (x + size * 0.7, y + size * 0.6)], CUT)
    for mark in range(3):
        row, slant = y - 5 - mark * 5.5, float(rng.uniform(-1.5, 1.5))
        canvas.line([(x + 1.5, row + slant), (x + size - 2, row - slant)], colours.dark)
        canvas.line([(x + size / 2, row - 2), (x + size / 2 + slant, row + 2)], colours.dark)
