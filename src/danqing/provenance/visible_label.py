"""The explicit label: "AI生成" in a corner of the picture or on its mount, as GB 45438-2025 asks for.

The four glyphs are drawn from their strokes, so that the label is the same on every machine and needs no font.
"""

import math

from PIL import Image, ImageDraw, ImageStat

HEIGHT_SHARE = 0.06
"""Height of the letters as a share of the picture's shortest side."""
MIN_SHARE = 0.05
"""Smallest share that GB 45438-2025 allows."""
MIN_HEIGHT = 12
"""Smallest height of the letters in pixels; smaller ones are not legible."""

_EM = 100
_Point = tuple[float, float]
_Glyph = tuple[float, tuple[tuple[_Point, ...], ...]]
"""Width of a glyph and its strokes, polylines in a square of 100 units whose origin is at the top left."""

_GLYPHS: tuple[_Glyph, ...] = (
    (74, (((4, 96), (37, 4), (70, 96)), ((16, 64), (58, 64)))),  # A
    (24, (((12, 4), (12, 96)),)),  # I
    (
        100,  # 生
        (
            ((28, 6), (22, 24), (8, 46)),
            ((22, 25), (88, 25)),
            ((54, 4), (54, 93)),
            ((18, 57), (84, 57)),
            ((5, 93), (95, 93)),
        ),
    ),
    (
        100,  # 成
        (
            ((16, 24), (92, 24)),
            ((16, 24), (16, 54), (12, 76), (4, 94)),
            ((17, 48), (45, 48), (44, 72), (40, 79), (28, 76)),
            ((58, 4), (60, 34), (68, 62), (80, 84), (90, 93), (95, 74)),
            ((86, 40), (72, 66), (42, 94)),
            ((72, 5), (86, 16)),
        ),
    ),
)
_GAP = 14
_STROKE = 11
_PADDING = 34
_OVERSAMPLING = 4
_INK = "#241a14"
_LETTERS_WIDTH = sum(width for width, _ in _GLYPHS) + _GAP * (len(_GLYPHS) - 1)
_LETTERS_HEIGHT = _EM - 8 + _STROKE
"""From the top of the upper to the bottom of the lower strokes."""
_LETTERS_ASPECT = (_LETTERS_WIDTH + 2) / _LETTERS_HEIGHT


def label_height(size: tuple[int, int]) -> int:
    """Return the height of the letters in pixels on a picture of this width and height."""
    return max(MIN_HEIGHT, math.ceil(min(size) * HEIGHT_SHARE))


def draw_label(image: Image.Image, area: tuple[float, float, float, float] | None = None) -> Image.Image:
    """Return a copy of a picture with the label: white letters on a dark plate in the lower right corner.

    Args:
        image: the finished picture; enlarge or mount it first, because the label takes its size from the picture's.
        area: left, top, right and bottom of a plain part of the mount, in pixels. The label is written there instead, without a
            plate, if letters of the size that the standard asks for fit.
    """
    if area is not None:
        height = min(label_height(image.size), int(area[3] - area[1]) - 2, int((area[2] - area[0]) / _LETTERS_ASPECT))
        if height >= max(MIN_HEIGHT, min(image.size) * MIN_SHARE):
            return _write_on_mount(image, area, height)
    return _draw_in_corner(image)


def _write_on_mount(image: Image.Image, area: tuple[float, float, float, float], height: int) -> Image.Image:
    """Return a copy with the letters in the middle of an area, in ink on a light ground and in white on a dark one."""
    padded, _ = _render(height)
    letters = padded.crop(padded.getbbox())
    left, top, right, bottom = area
    position = round((left + right - letters.width) / 2), round((top + bottom - letters.height) / 2)
    ground = ImageStat.Stat(image.convert("L").crop((int(left), int(top), int(right), int(bottom)))).median[0]
    labelled = image.copy()
    labelled.paste(_INK if ground > 110 else "white", position, letters)
    return labelled


def _draw_in_corner(image: Image.Image) -> Image.Image:
    height = label_height(image.size)
    letters, plate = _render(height)
    margin = max(2, height // 3)
    scale = min(1.0, (image.width - 2) / plate.width, (image.height - 2) / plate.height)
    if scale < 1:  # narrower than the label: as large as fits
        smaller = (max(1, int(plate.width * scale)), max(1, int(plate.height * scale)))
        letters, plate = (mask.resize(smaller, Image.Resampling.BOX) for mask in (letters, plate))
        margin = 1
    position = (image.width - plate.width - margin, image.height - plate.height - margin)
    labelled = image.copy()
    labelled.paste("#141414", position, plate)
    labelled.paste("white", position, letters)
    return labelled


def _render(height: int) -> tuple[Image.Image, Image.Image]:
    """Return the letters and the plate behind them as two masks of the same size."""
    unit = height / _LETTERS_HEIGHT * _OVERSAMPLING
    size = (round((_LETTERS_WIDTH + 2 * _PADDING) * unit), round((_EM + 2 * _PADDING) * unit))
    letters, plate = Image.new("L", size), Image.new("L", size)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=_PADDING * unit, fill=165)
    draw = ImageDraw.Draw(letters)
    left = float(_PADDING)
    for glyph_width, strokes in _GLYPHS:
        for stroke in strokes:
            points = [((left + x) * unit, (_PADDING + y) * unit) for x, y in stroke]
            draw.line(points, fill=255, width=round(_STROKE * unit), joint="curve")
            radius = _STROKE * unit / 2
            for x, y in points:
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        left += glyph_width + _GAP
    small = (math.ceil(size[0] / _OVERSAMPLING), math.ceil(size[1] / _OVERSAMPLING))
    return letters.resize(small, Image.Resampling.BOX), plate.resize(small, Image.Resampling.BOX)
