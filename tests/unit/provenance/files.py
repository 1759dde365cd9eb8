"""Small files of every format that can be labelled."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from danqing.results.animation import save_mp4

KINDS = ("png", "jpeg", "webp", "gif", "mp4")


def noise(seed: int = 0, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """A picture of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def make_file(kind: str, folder: Path, **options: object) -> bytes:
    """A file without a label; an MP4 has one, because only Danqing's own writer makes it here."""
    if kind == "mp4":
        save_mp4([noise(0), noise(1)], folder / "made.mp4")
        return (folder / "made.mp4").read_bytes()
    buffer = io.BytesIO()
    if kind == "gif":
        options = {"save_all": True, "append_images": [noise(1)], "duration": 100, "loop": 0}
    noise().save(buffer, kind.upper(), **options)
    return buffer.getvalue()


def pixels_of(data: bytes) -> list[bytes]:
    """The frames of a picture file."""
    with Image.open(io.BytesIO(data)) as image:
        frames: list[bytes] = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(image.convert("RGB").tobytes())
        return frames
