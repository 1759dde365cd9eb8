"""Many pictures in one file: the contact sheet, and the painting process as GIF or WebP."""

import io
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from danqing.results.files import write_bytes

GAP = 8
"""Pixels between the pictures of a sheet."""
HOLD = 2.0
"""Seconds for which an animation rests on its last frame."""


def contact_sheet(images: Sequence[Image.Image], columns: int | None = None) -> Image.Image:
    """All pictures on one white sheet, row by row.

    Args:
        images: at least one, all of one size.
        columns: pictures in a row; about a square sheet if not given.
    """
    columns = min(columns or math.ceil(math.sqrt(len(images))), len(images))
    rows = math.ceil(len(images) / columns)
    width, height = images[0].size
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        sheet.paste(image, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return sheet


def save_png(image: Image.Image, path: Path, *, level: int = 6) -> None:
    """A picture without a recipe; `level` is zlib's, 1 (fast, a larger file) to 9."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    write_bytes(path, buffer.getvalue())


def save_gif(images: Sequence[Image.Image], path: Path, *, seconds: float = 0.2) -> None:
    """The frames as an endless GIF; `seconds` is the time of a frame, the last one rests for two seconds."""
    write_bytes(path, _animate(images, "GIF", seconds=seconds))


def save_webp(images: Sequence[Image.Image], path: Path, *, seconds: float = 0.2) -> None:
    """The frames as an endless WebP animation, in full colour."""
    write_bytes(path, _animate(images, "WEBP", seconds=seconds))


def _animate(images: Sequence[Image.Image], form: str, *, seconds: float) -> bytes:
    durations = [round(seconds * 1000)] * (len(images) - 1) + [round(HOLD * 1000)]
    buffer = io.BytesIO()
    images[0].save(
        buffer, form, save_all=True, append_images=images[1:], duration=durations, loop=0, **_QUALITY.get(form, {})
    )
    return buffer.getvalue()


_QUALITY: dict[str, dict[str, int]] = {"WEBP": {"quality": 90, "method": 4}}
