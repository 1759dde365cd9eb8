"""The painting process as an MP4 film; the only importer of PyAV."""

# PyAV's types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

from PIL.Image import Image

from danqing.errors import MissingExtra
from danqing.results.files import write_bytes
from danqing.results.sheets import HOLD


def has_mp4() -> bool:
    """Whether the library that writes films is installed."""
    return find_spec("av") is not None


def save_mp4(images: Sequence[Image], path: Path, *, seconds: float = 0.2) -> None:
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
    frames = [*images, *[images[-1]] * round(HOLD / seconds)]
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
