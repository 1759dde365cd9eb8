"""Contact sheets, and animations of the painting process as GIF, WebP or MP4. All files are labelled as generated."""

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
from danqing.provenance.file_label import add_label
from danqing.storage.atomic import write_bytes

GAP = 8
"""Pixels between the pictures of a contact sheet."""
LAST_FRAME_SECONDS = 2.0
"""Duration of the last frame of an animation."""
_PALETTE_SIZE = 128


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


def same_size(images: Sequence[PilImage]) -> list[PilImage]:
    """Resize pictures to the size of the last one: the previews of an enlarged picture are smaller."""
    size = images[-1].size
    return [image if image.size == size else image.resize(size, Image.Resampling.BICUBIC) for image in images]


def save_png(image: PilImage, path: Path, *, level: int = 6) -> None:
    """Write a PNG without parameters; `level` is zlib's, from 1 (fast, larger file) to 9."""
    write_bytes(path, to_png(image, level=level))


def to_png(image: PilImage, *, level: int = 6) -> bytes:
    """Encode a picture as PNG without parameters; see `save_png`."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return add_label(buffer.getvalue(), signed=False)


def save_gif(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2, recipe: str = "") -> None:
    """Write an endlessly repeating GIF.

    Args:
        images: at least one.
        path: the file.
        seconds: duration of every frame but the last.
        recipe: the parameters as JSON, for the metadata.
    """
    frames = [_to_palette(image) for image in images]
    write_bytes(path, add_label(_animate(frames, "GIF", seconds=seconds), recipe=recipe))


def save_webp(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2, recipe: str = "") -> None:
    """Write an endlessly repeating WebP animation, in full colour; see `save_gif`."""
    write_bytes(path, add_label(_animate(images, "WEBP", seconds=seconds), recipe=recipe))


def _to_palette(image: PilImage) -> PilImage:
    """Reduce to 256 colours.

    The colours are chosen on a picture of at most 128 pixels: eight times faster than at 512 pixels, with the same
    result to the eye.
    """
    small = image.convert("RGB")
    small.thumbnail((_PALETTE_SIZE, _PALETTE_SIZE))
    return image.convert("RGB").quantize(palette=small.quantize(), dither=Image.Dither.NONE)


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


def save_mp4(images: Sequence[PilImage], path: Path, *, seconds: float = 0.2, recipe: str = "") -> None:
    """Write an H.264 video; see `save_gif`.

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
    write_bytes(path, add_label(buffer.getvalue(), recipe=recipe))
