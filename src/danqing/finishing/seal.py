"""Seals: characters cut in red (朱文) or in white (白文), worn edges, cinnabar paste."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from danqing.finishing.fonts import Font
from danqing.finishing.ink import glyph
from danqing.finishing.layout import Box
from danqing.finishing.options import SealOrder, SealShape, SealStyle
from danqing.finishing.texture import Array, blur, fractal_noise, smooth_noise, smoothstep, to_image, to_pixels

CARVING = 384
"""Width in pixels at which a seal is cut."""
_MARGIN = 0.028
"""Free edge around the print, as a fraction of its width, so that worn edges are not cut."""
CINNABAR = (0.72, 0.11, 0.09)


@dataclass(frozen=True, slots=True)
class SealDesign:
    """Characters and shape of a seal.

    `order` is that of the characters: in columns from right to left, or 回文, counter-clockwise from the upper right, which
    keeps a name of two characters together in 姓名印.
    """

    text: str
    style: SealStyle = "朱文"
    shape: SealShape = "auto"
    order: SealOrder = "直读"

    @property
    def outline(self) -> SealShape:
        """The shape, chosen by the number of characters for `auto`."""
        if self.shape != "auto":
            return self.shape
        return "长方" if len(self.text) == 2 else "方形"

    @property
    def aspect(self) -> float:
        """Height divided by width."""
        return {"长方": 1.72, "椭圆": 1.5, "葫芦": 1.7}.get(self.outline, 1.0)


def seal_aspect(design: SealDesign | Image.Image) -> float:
    """Return height divided by width of a seal."""
    return design.height / design.width if isinstance(design, Image.Image) else design.aspect


def stamp(
    image: Image.Image,
    design: SealDesign | Image.Image,
    box: Box,
    *,
    font: Font | None,
    rng: np.random.Generator,
) -> Image.Image:
    """Return the picture with a seal.

    Args:
        image: RGB.
        design: what to cut, or a picture of a seal on a light ground.
        box: where to stamp, in pixels.
        font: of the characters; not needed for a picture.
        rng: source of wear and texture.
    """
    left, top = round(box.left), round(box.top)
    size = max(1, round(box.width)), max(1, round(box.height))
    region = (left, top, left + size[0], top + size[1])
    paper = to_pixels(image.crop(region))
    if isinstance(design, Image.Image):
        coverage, paste = _separate(to_pixels(design.resize(size, Image.Resampling.LANCZOS)))
    else:
        assert font is not None, "a cut seal needs a font"
        coverage = np.asarray(carve(design, font, rng).resize(size, Image.Resampling.BOX), np.float32)[..., None] / 255
        paste = np.array(CINNABAR, np.float32)
    pressed = paper * (1 - coverage) + paste * (0.9 + 0.1 * paper) * coverage
    stamped = image.copy()
    stamped.paste(to_image(pressed), region[:2])
    return stamped


def _separate(print_: Array) -> tuple[Array, Array]:
    """Separate a seal on a light ground from the ground.

    Returns:
        how much of the ground is covered, [H, W, 1], and the colour of the paste, [H, W, 3], both in [0, 1]: on white paper they
        give the same print.
    """
    print_ = (print_ / max(0.05, float(np.quantile(print_, 0.98)))).clip(0, 1)
    coverage = 1 - print_.min(axis=-1, keepdims=True)
    return coverage, ((print_ - 1 + coverage) / coverage.clip(1e-3)).clip(0, 1)


def carve(design: SealDesign, font: Font, rng: np.random.Generator) -> Image.Image:
    """Return the print of a seal: the amount of cinnabar paste at each pixel, 8-bit gray, `CARVING` pixels wide."""
    width, height = CARVING, round(CARVING * design.aspect)
    outer = _outline(design.outline, (width, height), _MARGIN)
    inner = _outline(design.outline, (width, height), _MARGIN + 0.042)
    text = _characters(design, (width, height), font)
    shape = (height, width)
    if design.style == "朱文":
        cut = np.maximum(outer - inner, text)
    else:
        cut = outer * (1 - text)
    return Image.fromarray((_wear(cut, outer, shape, rng) * 255).round().astype(np.uint8))


def _wear(cut: Array, outer: Array, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Return a cut seal as it prints: edges chipped and rounded, paste unevenly taken."""
    rough = 0.10 * smooth_noise(rng, shape, 6) + 0.13 * smooth_noise(rng, shape, 26)
    edges = smoothstep(0.36, 0.62, blur(cut, 3.2) + rough * (blur(cut, 4) > 0.03))
    rim = blur(outer, 9)
    chips = smoothstep(0.62, 0.8, fractal_noise(rng, shape, 46) * 0.5 + 0.5 + 0.42 * (1 - rim) * (outer > 0.5))
    edges = edges * (1 - chips * smoothstep(0.95, 0.72, rim))
    paste = 0.9 + 0.10 * fractal_noise(rng, shape, 90) + 0.05 * smooth_noise(rng, shape, 3)
    specks = smoothstep(0.72, 0.92, smooth_noise(rng, shape, 4) * 0.6 + fractal_noise(rng, shape, 60) * 0.35)
    return (edges * paste.clip(0, 1) * (1 - 0.75 * specks)).clip(0, 1).astype(np.float32)


def _characters(design: SealDesign, size: tuple[int, int], font: Font) -> Array:
    """Return the mask of the characters, each stretched to fill its field as in cut seals."""
    canvas = Image.new("L", size)
    thick = design.style == "白文"
    for char, (x0, y0, x1, y1) in zip(_ordered(design), _fields(design), strict=True):
        box = round(x0 * size[0]), round(y0 * size[1]), round(x1 * size[0]), round(y1 * size[1])
        mask = glyph(font, char, CARVING)
        target = box[2] - box[0], box[3] - box[1]
        # A character with few strokes, such as 一, is not stretched over the whole field.
        aspect = mask.width / max(1, mask.height)
        wanted = target[0] / target[1]
        stretch = min(max(wanted / aspect, 1 / 1.9), 1.9)
        scale = min(target[0] / (mask.width * stretch), target[1] / mask.height)
        fitted = mask.resize(
            (max(1, round(mask.width * stretch * scale)), max(1, round(mask.height * scale))), Image.Resampling.LANCZOS
        )
        if thick:
            fitted = fitted.filter(ImageFilter.GaussianBlur(2.2)).point(_harden)
        offset = box[0] + (target[0] - fitted.width) // 2, box[1] + (target[1] - fitted.height) // 2
        canvas.paste(255, offset, fitted)
    return np.asarray(canvas, np.float32) / 255


def _harden(value: float) -> float:
    return min(255.0, max(0.0, (value - 60) * 4))


def _ordered(design: SealDesign) -> str:
    """Return the characters in the order of the fields: the right column downwards, then the left one."""
    text = design.text
    if design.order == "回文" and len(text) == 4:
        return text[0] + text[3] + text[1] + text[2]
    return text


def _fields(design: SealDesign) -> list[tuple[float, float, float, float]]:
    """Return the field of each character as fractions of the seal: left, top, right, bottom."""
    inset = {"圆形": 0.19, "椭圆": 0.17}.get(design.outline, 0.12 if design.style == "朱文" else 0.095)
    vertical = inset / design.aspect * (1.25 if design.outline == "椭圆" else 1.0)
    gap = 0.035
    count = len(design.text)
    if design.outline == "葫芦":
        return _gourd_fields(count)
    left, right, top, bottom = inset, 1 - inset, vertical, 1 - vertical
    if design.outline in ("长方", "椭圆") and count <= 3:
        step = (bottom - top + gap) / count
        return [(left, top + n * step, right, top + (n + 1) * step - gap) for n in range(count)]
    columns = {1: (1,), 2: (1, 1), 3: (1, 2), 4: (2, 2)}[count]
    width = (right - left + gap) / len(columns)
    fields: list[tuple[float, float, float, float]] = []
    for number, rows in enumerate(columns):
        x1 = right - number * width
        step = (bottom - top + gap) / rows
        fields += [(x1 - width + gap, top + n * step, x1, top + (n + 1) * step - gap) for n in range(rows)]
    return fields


def _gourd_fields(count: int) -> list[tuple[float, float, float, float]]:
    upper, lower = (0.29, 0.14, 0.71, 0.39), (0.17, 0.53, 0.83, 0.89)
    if count == 1:
        return [lower]
    if count == 2:
        return [upper, lower]
    if count == 3:
        return [upper, (0.52, 0.54, 0.84, 0.88), (0.16, 0.54, 0.48, 0.88)]
    return [(0.51, 0.16, 0.72, 0.38), (0.28, 0.16, 0.49, 0.38), (0.52, 0.54, 0.84, 0.88), (0.16, 0.54, 0.48, 0.88)]


def _outline(shape: SealShape, size: tuple[int, int], inset: float) -> Array:
    """Return the filled outline of a seal; `inset` is a fraction of its width."""
    width, height = size
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    pad = inset * width
    box = (pad, pad, width - 1 - pad, height - 1 - pad)
    if shape in ("圆形", "椭圆"):
        draw.ellipse(box, 255)
    elif shape == "葫芦":
        draw.ellipse((width * 0.17 + pad, pad, width * 0.83 - pad, height * 0.47 - pad), 255)
        draw.ellipse((pad, height * 0.43 + pad, width - 1 - pad, height - 1 - pad), 255)
        draw.rectangle((width * 0.38 + pad, height * 0.38, width * 0.62 - pad, height * 0.52), 255)
    else:
        draw.rounded_rectangle(box, width * 0.07, 255)
    return np.asarray(mask, np.float32) / 255
