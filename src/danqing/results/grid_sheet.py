"""The labelled sheet of a grid: its pictures in a table, with the values of the fields above the columns and beside the rows."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.Image import Image as PilImage

from danqing.errors import InvalidRequest
from danqing.finishing.fonts import find_font
from danqing.request.grid import Axis, parse_grid
from danqing.request.labels import field_label

MAX_CELL = 768
"""Longest side of a picture on the sheet in pixels; larger ones are reduced."""
_PAPER, _INK, _PALE = "#faf7f0", "#241a14", "#776b5d"
_GAP_SHARE, _TEXT_SHARE = 0.04, 0.06
"""Gap and height of the letters as shares of the longest side of a cell."""
_MIN_TEXT = 14
_ELLIPSIS = "…"
_MIN_LABEL = 12
"""Width in letters that the labels of rows may have at least."""


def grid_sheet(grid: str, images: Mapping[int, PilImage], *, fonts: Path) -> PilImage:
    """Draw the sheet of a grid.

    Args:
        grid: text of the grid, see `danqing.request.grid`.
        images: at least one finished picture, by number; the places of the others remain empty.
        fonts: folder of installed fonts. Without a Chinese font, only ASCII letters are legible.
    """
    parsed = parse_grid(grid)
    columns, rows = parsed.columns, parsed.rows
    cell = _cell_size(images)
    font = _find_font(max(_MIN_TEXT, round(max(cell) * _TEXT_SHARE)), fonts)
    gap, line = max(6, round(max(cell) * _GAP_SHARE)), round(_text_height(font) * 1.5)
    label = max(cell[0], round(_MIN_LABEL * font.size))
    left = gap if rows is None else 2 * gap + max(_text_width(font, text) for text in _row_texts(rows, font, label))
    top = gap + 2 * line
    width = left + len(columns.values) * (cell[0] + gap)
    height = top + len(rows.values if rows else [""]) * (cell[1] + gap)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((left, gap // 2), _title(columns), font=font, fill=_PALE)
    for number, value in enumerate(columns.values):
        middle = left + number * (cell[0] + gap) + cell[0] / 2
        draw.text((middle, gap // 2 + line), _shortened(value, font, cell[0]), font=font, fill=_INK, anchor="ma")
    if rows is not None:
        draw.text((gap, gap // 2 + line), _shortened(_title(rows), font, left - gap), font=font, fill=_PALE)
        for number, value in enumerate(rows.values):
            middle = top + number * (cell[1] + gap) + cell[1] / 2
            draw.text((gap, middle), _shortened(value, font, left - gap), font=font, fill=_INK, anchor="lm")
    for number, image in images.items():
        row, column = divmod(number, len(columns.values))
        small = image.copy()
        small.thumbnail(cell, Image.Resampling.LANCZOS)
        corner = (left + column * (cell[0] + gap), top + row * (cell[1] + gap))
        sheet.paste(small, (corner[0] + (cell[0] - small.width) // 2, corner[1] + (cell[1] - small.height) // 2))
    return sheet


def _title(axis: Axis) -> str:
    label = field_label(axis.field)
    return f"{label.zh} {label.en}" if label.zh != label.en else label.zh


def _row_texts(rows: Axis, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    return [_shortened(text, font, width) for text in (_title(rows), *rows.values)]


def _cell_size(images: Mapping[int, PilImage]) -> tuple[int, int]:
    width, height = (max(image.size[side] for image in images.values()) for side in (0, 1))
    scale = min(1.0, MAX_CELL / max(width, height))
    return round(width * scale), round(height * scale)


def _find_font(size: int, folder: Path) -> ImageFont.FreeTypeFont:
    try:
        return find_font(None, folder).at(size)
    except InvalidRequest:  # no Chinese font is installed
        default = ImageFont.load_default(size)
        assert isinstance(default, ImageFont.FreeTypeFont), "Pillow is built with FreeType"
        return default


def _text_width(font: ImageFont.FreeTypeFont, text: str) -> int:
    return round(font.getlength(text))


def _text_height(font: ImageFont.FreeTypeFont) -> int:
    left_top_right_bottom = font.getbbox("画Ag")
    return round(left_top_right_bottom[3])


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Return a text, cut with an ellipsis if it is wider than a number of pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + _ELLIPSIS) > width:
        text = text[:-1]
    return text + _ELLIPSIS
