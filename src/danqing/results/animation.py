"""Many pictures in one file: the contact sheet, and the painting process as GIF or WebP."""

import io
import math
from collections.abc import Sequence

# PyAV's types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

from PIL import Image
from PIL.Image import Image as PilImage

from danqing.errors import MissingExtra
from danqing.storage.atomic import write_bytes

GAP = 8
"""Pixels between the pictures of a sheet."""
LAST_FRAME_SECONDS = 2.0
"""Seconds for which an animation rests on its last frame."""


def contact_sheet(images: Sequence[PilImage], columns: int | None = None) -> PilImage:
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


def save_png(image: PilImage, path: Path, *, level: int = 6) -> None:
    """A picture without a recipe; `level` is zlib's, 1 (fast, a larger file) to 9."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    write_bytes(path, buffer.getvalue())


def save_gif(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """The frames as an endless GIF; `seconds` is the time of a frame, the last one rests for two seconds."""
    write_bytes(path, _animate(images, "GIF", seconds=seconds))


def save_webp(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """The frames as an endless WebP animation, in full colour."""
    write_bytes(path, _animate(images, "WEBP", seconds=seconds))


def _animate(images: Sequence[PilImage], form: str, *, seconds: float) -> bytes:
    durations = [round(seconds * 1000)] * (len(images) - 1) + [round(LAST_FRAME_SECONDS * 1000)]
    buffer = io.BytesIO()
    images[0].save(
        buffer, form, save_all=True, append_images=images[1:], duration=durations, loop=0, **_QUALITY.get(form, {})
    )
    return buffer.getvalue()


_QUALITY: dict[str, dict[str, int]] = {"WEBP": {"quality": 90, "method": 4}}


def has_mp4() -> bool:
    """Whether the library that writes films is installed."""
    return find_spec("av") is not None


def save_mp4(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """The frames as an H.264 film.

    Raises:
        MissingExtra: PyAV is not installed.
    """
    if not has_mp4():
        raise MissingExtra(
            '存 MP4 要先安装：pip install "danqing[video]"；或改用 GIF。',
            'Saving MP4 needs an extra library: pip install "danqing[video]"; or choose GIF.',
        )
    import av

    # H.264 wants even sides; a still last frame is a repeated one.
    width, height = (side // 2 * 2 for side in images[0].size)
    frames = [*images, *[images[-1]] * round(LAST_FRAME_SECONDS / seconds)]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18"}
        for image in frames:
            frame = av.VideoFrame.from_image(image.convert("RGB").crop((0, 0, width, height)))
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    write_bytes(path, buffer.getvalue())
