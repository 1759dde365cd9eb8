"""Contact sheets, and animations of the painting process as GIF, WebP or MP4."""

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
"""Pixels between the pictures of a contact sheet."""
LAST_FRAME_SECONDS = 2.0
"""Duration of the last frame of an animation."""


def contact_sheet(images: Sequence[PilImage], columns: int | None = None) -> PilImage:
    """Arrange pictures on a white sheet, row by row.

    Args:
        images: at least one, all of the same size.
        columns: pictures per row; None for a roughly square sheet.
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
    """Write a PNG without metadata; `level` is zlib's, from 1 (fast, larger file) to 9."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    write_bytes(path, buffer.getvalue())


def save_gif(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """Write an endlessly repeating GIF; `seconds` is the duration of every frame but the last."""
    write_bytes(path, _animate(images, "GIF", seconds=seconds))


def save_webp(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """Write an endlessly repeating WebP animation, in full colour."""
    write_bytes(path, _animate(images, "WEBP", seconds=seconds))


def _animate(images: Sequence[PilImage], file_format: str, *, seconds: float) -> bytes:
    durations = [round(seconds * 1000)] * (len(images) - 1) + [round(LAST_FRAME_SECONDS * 1000)]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        file_format,
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        **_QUALITY.get(file_format, {}),
    )
    return buffer.getvalue()


_QUALITY: dict[str, dict[str, int]] = {"WEBP": {"quality": 90, "method": 4}}


def has_mp4() -> bool:
    """Check if the library that writes MP4 is installed."""
    return find_spec("av") is not None


def save_mp4(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2) -> None:
    """Write an H.264 video.

    Raises:
        MissingExtra: PyAV is not installed.
    """
    if not has_mp4():
        raise MissingExtra(
            "保存 MP4 需要安装：pip install av；也可以改用 GIF。",
            "Saving MP4 needs an extra library: pip install av; or use GIF.",
        )
    import av

    # H.264 requires even sides. The last frame is repeated for its duration.
    width, height = (side // 2 * 2 for side in images[0].size)
    frames = [*images, *[images[-1]] * round(LAST_FRAME_SECONDS / seconds)]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18"}
        for image in frames:
            frame = av.VideoFrame.from_image(image.convert("RGB").crop((0, 0, width, height)))
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    write_bytes(path, buffer.getvalue())
