"""Materials of a mount: figured silk (绫), paper, wood, a wall with the shadow of a scroll."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from danqing.finishing.texture import Array, blur, fractal_noise, smooth_noise, to_image

Color = tuple[int, int, int]

CREAM: Color = (222, 211, 186)
MIST: Color = (188, 194, 187)
TEA: Color = (196, 178, 143)
IVORY: Color = (240, 234, 220)
PAPER: Color = (243, 238, 226)
WALL: Color = (226, 222, 214)
ROSEWOOD: Color = (72, 38, 28)


def silk(size: tuple[int, int], color: Color, unit: float, rng: np.random.Generator) -> Image.Image:
    """Return silk with a woven figure of clouds, lighter than its ground.

    Args:
        size: width and height in pixels.
        color: mean colour.
        unit: height of the repeated figure in pixels.
        rng: source of the irregular threads.
    """
    width, height = size
    figure = _clouds(size, unit)
    ys, xs = np.mgrid[0:height, 0:width]
    twill = np.sin((xs + ys) * (2 * math.pi / 3.0)) * 0.012
    threads = rng.normal(0, 0.010, (height, 1)) + rng.normal(0, 0.008, (1, width))
    light = 1 + 0.055 * (figure - 0.35) + twill * (1 - figure) - twill * figure * 0.6 + threads
    light = light + 0.015 * smooth_noise(rng, (height, width), unit * 3)
    return to_image(np.array(color, np.float32) / 255 * light[..., None])


def paper(size: tuple[int, int], color: Color, rng: np.random.Generator) -> Image.Image:
    """Return paper with faint fibres."""
    width, height = size
    light = 1 + 0.006 * fractal_noise(rng, (height, width), 120) + 0.008 * smooth_noise(rng, (height, width), 2)
    return to_image(np.array(color, np.float32) / 255 * light[..., None])


def wood(size: tuple[int, int], color: Color, rng: np.random.Generator) -> Image.Image:
    """Return a round wooden rod, lit from above; lying if it is wider than high, else standing."""
    width, height = size
    across = np.linspace(-1, 1, min(size))
    shade = 0.55 + 0.75 * np.exp(-((across + 0.35) ** 2) / 0.18)
    grain = 1 + 0.10 * rng.normal(0, 1, max(size))
    grain = np.convolve(grain, np.ones(9) / 9, "same")
    light = np.outer(shade, grain) if width >= height else np.outer(grain, shade)
    return to_image(np.array(color, np.float32) / 255 * light[..., None])


def hang(canvas: Image.Image, parts: list[tuple[Image.Image, tuple[int, int]]], reach: float) -> None:
    """Paste the parts of a mount on a wall, with one soft shadow below all of them.

    Args:
        canvas: the wall; changed.
        parts: pictures with their left upper corners.
        reach: size of the shadow in pixels.
    """
    mask = Image.new("L", canvas.size)
    for part, (x, y) in parts:
        left, top = round(x + reach * 0.35), round(y + reach * 0.5)
        mask.paste(255, (left, top, left + part.width, top + part.height))
    shadow = mask.filter(ImageFilter.GaussianBlur(reach * 0.6)).point(_fade)
    canvas.paste((70, 62, 54), (0, 0), shadow)
    for part, corner in parts:
        canvas.paste(part, corner)


def wall(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return a plain wall, a little darker towards its lower corners."""
    width, height = size
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    fall = 1.015 - 0.05 * (ys / height) - 0.04 * (2 * xs / width - 1) ** 2
    light = fall + 0.006 * smooth_noise(rng, (height, width), 3)
    return to_image(np.array(WALL, np.float32) / 255 * light[..., None])


def _fade(value: float) -> float:
    return value * 0.42


def _clouds(size: tuple[int, int], unit: float) -> Array:
    """Return the mask of a figure of scrolled clouds in offset rows, [height, width]."""
    tile = max(24, round(unit))
    figure = Image.new("L", (tile * 4, tile * 2))
    draw = ImageDraw.Draw(figure)
    for row, columns in enumerate(((0, 2, 4), (1, 3), (0, 2, 4))):
        for column in columns:
            _cloud(draw, column * tile, row * tile, tile)
    small = figure.resize((tile * 2, tile), Image.Resampling.LANCZOS)
    pattern = np.asarray(small, np.float32) / 255
    width, height = size
    tiled = np.tile(pattern, (height // pattern.shape[0] + 1, width // pattern.shape[1] + 1))[:height, :width]
    return blur(tiled, 0.8)


def _cloud(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float) -> None:
    """Draw one cloud of three volutes with a tail."""
    stroke = max(2, round(unit * 0.09))
    for dx, dy, radius in ((-0.28, 0.05, 0.2), (0.0, -0.12, 0.26), (0.28, 0.05, 0.2)):
        cx, cy = x + dx * unit, y + dy * unit
        for share, start in ((1.0, 150), (0.5, -30)):
            r = radius * unit * share
            draw.arc((cx - r, cy - r, cx + r, cy + r), start, start + 250, 255, stroke)
    draw.arc((x - unit * 0.62, y - unit * 0.05, x + unit * 0.62, y + unit * 0.5), 20, 160, 255, stroke)
