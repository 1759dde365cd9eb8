"""Pictures in and out: what is accepted as a start, how it is fitted, and how tensors become pixels."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.pipeline.images import load_init_image, resize, to_images


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_estimates_become_pixels_and_what_lies_outside_is_cut_off() -> None:
    x0 = torch.tensor([-3.0, -1, 0, 1, 3]).view(1, 1, 1, 5).expand(2, 3, 1, 5)
    first, second = to_images(x0)
    assert np.asarray(first)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert first.size == second.size == (5, 1)


def test_cover_crops_and_stretch_does_not(tmp_path: Path) -> None:
    wide = Image.new("RGB", (128, 64), (255, 0, 0))
    wide.paste((0, 0, 255), (0, 0, 32, 64))  # the left quarter is blue
    path = tmp_path / "山.png"
    wide.save(path)
    cover = load_init_image(str(path), size=(64, 64), fit="cover").pixels
    stretch = load_init_image(str(path), size=(64, 64), fit="stretch").pixels
    assert cover.shape == stretch.shape == (1, 3, 64, 64)
    assert cover[0, 2].mean() < -0.9
    assert stretch[0, 2, :, :12].mean() > 0.9
    assert cover.min() >= -1
    assert cover.max() <= 1


def test_a_data_uri_is_a_picture_too() -> None:
    uri = "data:image/png;base64," + base64.b64encode(_png(Image.new("RGBA", (8, 8), (9, 9, 9, 255)))).decode()
    assert load_init_image(uri, size=(64, 64), fit="cover").pixels.shape == (1, 3, 64, 64)


def _bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [b"", b"not a picture", _png(Image.effect_noise((64, 64), 50))[:800], b"GIF89a" + bytes(40), _bomb()],
    ids=["empty", "text", "torn", "gif", "bomb"],
)
def test_files_that_are_no_pictures_are_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "init.png"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest) as caught:
        load_init_image(str(path), size=(64, 64), fit="cover")
    assert caught.value.field == "init_image"


@pytest.mark.parametrize(
    "source", ["/nowhere/a.png", "data:image/png;base64,@@@@", ".", "https://example.invalid/a.png"]
)
def test_sources_that_cannot_be_read(source: str) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(source, size=(64, 64), fit="cover", offline=True)


def test_resize_returns_an_image_of_that_size_unchanged() -> None:
    image = torch.rand(1, 3, 8, 4)
    assert resize(image, (4, 8)) is image
    assert resize(image, (8, 16)).shape == (1, 3, 16, 8)


def test_stretch_is_bicubic_as_in_the_original(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "start.png")
    expected = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)).astype(np.float32) / 127.5 - 1
    loaded = load_init_image(str(tmp_path / "start.png"), size=(64, 64), fit="stretch").pixels
    np.testing.assert_allclose(loaded[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)
