"""Ink on paper: glyphs with the pressure and the fading of a brush, a slight bleed, in the tone of the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from danqing.finishing.fonts import Font
from danqing.finishing.layout import Cell
from danqing.finishing.texture import (
    LUMINANCE,
    Array,
    blur,
    fractal_noise,
    smooth_noise,
    smoothstep,
    to_image,
    to_pixels,
)

OVERSAMPLING = 2
"""Glyphs are drawn this many times larger."""
CHARACTERS_PER_DIP = (5, 10)
"""Range of the number of Chinese characters that a brush writes before it is dipped again; of letters four times as many."""
DARK = 0.38
"""Luminance of the paper below which the inscription is written in gold instead of ink."""
GOLD = (0.80, 0.66, 0.36)
SOOT = (0.085, 0.078, 0.072)


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters with their positions in the picture, and the font of each character."""

    cells: Sequence[Cell]
    left: float
    top: float
    fonts: Mapping[str, Font]


def write(image: Image.Image, text: Characters, rng: np.random.Generator) -> Image.Image:
    """Return the picture with the characters written on it.

    Args:
        image: RGB.
        text: the characters.
        rng: source of the small irregularities.
    """
    if not text.cells:
        return image
    size = max(cell.size for cell in text.cells)
    pad = size * 0.6
    x0 = max(0, int(text.left + min(cell.x - cell.size for cell in text.cells) - pad))
    y0 = max(0, int(text.top + min(cell.y - cell.size for cell in text.cells) - pad))
    x1 = min(image.width, int(text.left + max(cell.x + cell.size for cell in text.cells) + pad) + 1)
    y1 = min(image.height, int(text.top + max(cell.y + cell.size for cell in text.cells) + pad) + 1)
    shape, dryness = _draw_glyphs(text, (x0, y0, x1, y1), rng)
    paper = to_pixels(image.crop((x0, y0, x1, y1)))
    coverage = _brush(shape, dryness, size, rng)
    inked = _tint(paper, coverage, to_pixels(image))
    finished = image.copy()
    finished.paste(to_image(inked), (x0, y0))
    return finished


def glyph(font: Font, character: str, size: float, *, angle: float = 0.0) -> Image.Image:
    """Return the mask of one character, cropped to its strokes; 1x1 and empty for a character without strokes.

    Args:
        font: the font.
        character: a single character.
        size: in pixels.
        angle: counter-clockwise rotation in degrees.
    """
    face = font.at(max(1, round(size)))
    left, top, right, bottom = (round(side) for side in face.getbbox(character))
    if right <= left or bottom <= top:
        return Image.new("L", (1, 1))
    mask = Image.new("L", (right - left + 4, bottom - top + 4))
    ImageDraw.Draw(mask).text((2 - left, 2 - top), character, 255, face)
    if angle:
        mask = mask.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    return mask.crop(mask.getbbox() or (0, 0, 1, 1))


def _below_middle(font: Font, character: str) -> float:
    """Return how far the strokes' centre is below the middle of a line, in characters, when it stands on the base line."""
    _, top, _, bottom = font.at(100).getbbox(character, anchor="ls")
    return (top + bottom) / 200 + 0.36


def _draw_glyphs(text: Characters, box: tuple[int, int, int, int], rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the masks of the strokes and of the dryness of the brush, [height, width] at the resolution of the picture."""
    x0, y0, x1, y1 = box
    shape = Image.new("L", ((x1 - x0) * OVERSAMPLING, (y1 - y0) * OVERSAMPLING))
    dryness = Image.new("L", (x1 - x0, y1 - y0))
    dip, written = int(rng.integers(*CHARACTERS_PER_DIP)), 0.0
    for cell in text.cells:
        dry = written / dip
        written += 0.25 if cell.character.isascii() else 1
        if written >= dip:
            dip, written = int(rng.integers(*CHARACTERS_PER_DIP)), 0.0
        scale = float(rng.uniform(0.97, 1.04))
        angle = (-90.0 if cell.turned else 0.0) + float(rng.normal(0, 0.7))
        mask = glyph(text.fonts[cell.character], cell.character, cell.size * OVERSAMPLING * scale * 0.98, angle=angle)
        drift = rng.normal(0, 0.012, 2) * cell.size
        x, y = (text.left + cell.x - x0 + drift[0], text.top + cell.y - y0 + drift[1])
        if cell.in_line:
            y += _below_middle(text.fonts[cell.character], cell.character) * cell.size
        corner = round(x * OVERSAMPLING - mask.width / 2), round(y * OVERSAMPLING - mask.height / 2)
        shape.paste(255, corner, mask)
        half = cell.size * 0.62
        spot = [round(side) for side in (x - half, y - half, x + half, y + half)]
        ImageDraw.Draw(dryness).rectangle(spot, fill=round(255 * dry))
    resized = shape.resize((x1 - x0, y1 - y0), Image.Resampling.BOX)
    return np.asarray(resized, np.float32) / 255, np.asarray(dryness, np.float32) / 255


def _brush(shape: Array, dryness: Array, size: float, rng: np.random.Generator) -> Array:
    """Return the amount of ink at each pixel, in [0, 1].

    Pressure moves the edge of the strokes, a dry brush leaves paper free along the stroke, wet ink bleeds into the fibres.
    """
    edge = max(0.4, size * 0.012)
    soft = blur(shape, edge)
    pressure = fractal_noise(rng, shape.shape, size * 0.55)
    roughness = smooth_noise(rng, shape.shape, max(1.2, size * 0.035))
    strokes = smoothstep(0.22, 0.62, soft + 0.10 * pressure * (soft > 0.02) + 0.05 * roughness * (soft > 0.05))
    strokes = np.minimum(strokes, smoothstep(0.02, 0.2, soft))
    wet = 1 - blur(dryness, max(1.0, size * 0.12))
    fibres = fractal_noise(rng, shape.shape, max(1.5, size * 0.05), 2)
    streaks = smoothstep(0.25, 0.85, 0.5 + 0.5 * fibres) * (1 - wet) ** 1.6
    load = 0.97 - 0.22 * (1 - wet) + 0.05 * pressure
    ink = strokes * (load * (1 - 0.55 * streaks)).clip(0, 1)
    halo = blur(shape, size * 0.045) * (0.55 + 0.45 * fibres).clip(0, 1) * (0.10 + 0.16 * wet)
    return np.maximum(ink, halo).clip(0, 1).astype(np.float32)


def _tint(paper: Array, coverage: Array, picture: Array) -> Array:
    """Return the paper with ink, which takes a little of the picture's darkest colour; gold on a dark ground."""
    written = coverage > 0.5
    ground = float((paper @ LUMINANCE)[written].mean()) if written.any() else 1.0
    alpha = coverage[..., None]
    if ground < DARK:
        return paper * (1 - alpha) + np.array(GOLD, np.float32) * (0.85 + 0.15 * alpha) * alpha
    pixels = picture[:: max(1, picture.shape[0] // 128), :: max(1, picture.shape[1] // 128)].reshape(-1, 3)
    luminance = pixels @ LUMINANCE
    darkest = pixels[luminance <= np.quantile(luminance, 0.05)].mean(0)
    tone = np.array(SOOT, np.float32) * 0.72 + darkest.astype(np.float32) * 0.28 * min(
        1.0, 0.25 / max(0.05, float(darkest @ LUMINANCE))
    )
    # Ink darkens what is below it, so the grain of the paper stays visible.
    return paper * (1 - alpha) + (tone * (0.55 + 0.45 * paper)) * alpha
