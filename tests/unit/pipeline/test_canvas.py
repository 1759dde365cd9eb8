"""The initial image and the mask on their canvas: formats, shapes, sizes, transitions and clear errors."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.pipeline.canvas import InitCanvas, load_canvas
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.zoo.resolve_request import fit_canvas


def canvas(source: str, **fields: object) -> InitCanvas:
    """Load the canvas of a request, without access to the web."""
    request = read_request({"prompts": "山", "init_image": source, "size": (64, 64), **fields})
    loaded = load_canvas(request, offline=True)
    assert loaded is not None
    return loaded


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_cover_crops_and_stretch_does_not(tmp_path: Path) -> None:
    wide = Image.new("RGB", (128, 64), (255, 0, 0))
    wide.paste((0, 0, 255), (0, 0, 32, 64))  # the left quarter is blue
    path = tmp_path / "山.png"
    wide.save(path)
    cover = canvas(str(path), init_fit="cover").pixels
    stretch = canvas(str(path), init_fit="stretch").pixels
    assert cover.shape == stretch.shape == (1, 3, 64, 64)
    assert cover[0, 2].mean() < -0.9
    assert stretch[0, 2, :, :12].mean() > 0.9
    assert cover.min() >= -1
    assert cover.max() <= 1


def test_a_data_uri_is_a_picture_too() -> None:
    uri = "data:image/png;base64," + base64.b64encode(_png(Image.new("RGBA", (8, 8), (9, 9, 9, 255)))).decode()
    assert canvas(uri, init_fit="cover").pixels.shape == (1, 3, 64, 64)


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
        canvas(str(path), init_fit="cover")
    assert caught.value.field == "init_image"


@pytest.mark.parametrize(
    "source", ["/nowhere/a.png", "data:image/png;base64,@@@@", ".", "https://example.invalid/a.png"]
)
def test_sources_that_cannot_be_read(source: str) -> None:
    with pytest.raises(InvalidRequest):
        canvas(source, init_fit="cover")


def test_stretch_is_bicubic_as_in_the_original(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "start.png")
    expected = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)).astype(np.float32) / 127.5 - 1
    loaded = canvas(str(tmp_path / "start.png"), init_fit="stretch").pixels
    np.testing.assert_allclose(loaded[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A picture of 64x128 pixels."""
    pixels = np.random.default_rng(2).integers(0, 256, (128, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


def save_mask(folder: Path, size: tuple[int, int], box: tuple[int, int, int, int], mode: str = "L") -> str:
    """Write a mask that is white, or transparent, in a box."""
    mask = Image.new("RGBA" if mode == "RGBA" else "L", size, (9, 9, 9, 255) if mode == "RGBA" else 0)
    mask.paste((0, 0, 0, 0) if mode == "RGBA" else 255, box)
    mask.save(folder / "mask.png")
    return str(folder / "mask.png")


@pytest.mark.parametrize("mode", ["L", "RGBA"])
@pytest.mark.parametrize("invert", [False, True])
def test_white_and_transparent_parts_of_a_mask_are_repainted(
    tmp_path: Path, picture: str, mode: str, invert: bool
) -> None:
    mask = save_mask(tmp_path, (64, 128), (10, 20, 30, 60), mode)
    loaded = canvas(picture, size=(64, 128), mask=mask, mask_invert=invert)
    expected = torch.zeros(1, 1, 128, 64)
    expected[..., 20:60, 10:30] = 1
    assert loaded.mask is not None
    assert torch.equal(loaded.mask, 1 - expected if invert else expected)
    assert not loaded.notices


def test_a_mask_of_another_size_is_resized_and_said(tmp_path: Path, picture: str) -> None:
    loaded = canvas(picture, size=(64, 128), mask=save_mask(tmp_path, (128, 256), (20, 40, 60, 120)))
    assert loaded.mask is not None
    assert loaded.mask[0, 0, 20:60, 10:30].min() == 1
    assert loaded.mask.sum() == 40 * 20
    assert "128x256" in loaded.notices[0].en


@pytest.mark.parametrize(
    ("box", "size", "reason"),
    [
        ((0, 0, 0, 0), (64, 128), "repaints nothing"),
        ((0, 0, 64, 128), (64, 128), "repaints the whole"),
        ((0, 0, 30, 30), (64, 64), "another shape"),
    ],
)
def test_masks_that_cannot_be_used(
    tmp_path: Path, picture: str, box: tuple[int, int, int, int], size: tuple[int, int], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        canvas(picture, size=(64, 128), mask=save_mask(tmp_path, size, box))
    assert caught.value.field == "mask"


def test_damaged_masks_are_named_as_masks(tmp_path: Path, picture: str) -> None:
    (tmp_path / "mask.png").write_bytes(b"not a picture")
    with pytest.raises(InvalidRequest) as caught:
        canvas(picture, mask=str(tmp_path / "mask.png"))
    assert caught.value.field == "mask"


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(0, 60), top=st.integers(0, 120), width=st.integers(1, 64), height=st.integers(1, 60),
    feather=st.integers(0, 40),
)  # fmt: skip
def test_the_transition_lies_inside_the_mask(left: int, top: int, width: int, height: int, feather: int) -> None:
    folder = read_settings().home
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 128)).save(folder / "picture.png")
    mask = save_mask(folder, (64, 128), (left, top, left + width, top + height))
    soft = canvas(str(folder / "picture.png"), size=(64, 128), mask=mask, feather=feather).mask
    assert soft is not None
    white = np.asarray(Image.open(mask)) > 0
    assert np.array_equal(soft[0, 0].numpy() > 0, white)
    assert soft.max() <= 1
    step = 1 / (feather + 1)
    assert soft[soft > 0].min() >= step - 1e-6
    assert (soft[..., 1:] - soft[..., :-1]).abs().max() <= 1 if feather == 0 else step + 1e-6


@pytest.mark.parametrize(
    ("extend", "size", "box"),
    [
        ("right:64", (128, 128), (0, 0, 64, 128)),
        ("左：64，上：64", (128, 192), (64, 64, 128, 192)),
        ("192x128", (192, 128), (64, 0, 128, 128)),
        ("192x256@bottom-right", (192, 256), (128, 128, 192, 256)),
        ("192x128@左", (192, 128), (0, 0, 64, 128)),
    ],
)
def test_an_extended_canvas_keeps_the_picture_bit_for_bit(
    picture: str, extend: str, size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    request = fit_canvas(read_request({"prompts": "山", "init_image": picture, "extend": extend}), offline=True)
    assert request.size == size
    loaded = load_canvas(request)
    assert loaded is not None
    assert loaded.mask is not None
    left, top, right, bottom = box
    assert loaded.pixels.shape == (1, 3, size[1], size[0])
    kept = loaded.pixels[0, :, top:bottom, left:right]
    assert np.array_equal(((kept + 1) * 127.5).round().byte().permute(1, 2, 0).numpy(), np.asarray(Image.open(picture)))
    assert loaded.mask[0, 0, top:bottom, left:right].max() == 0
    assert loaded.mask.sum() == size[0] * size[1] - 64 * 128


def test_a_feathered_extension_reaches_into_the_picture(picture: str) -> None:
    fields = {"prompts": "山", "init_image": picture, "extend": "right:64", "feather": 16}
    loaded = load_canvas(fit_canvas(read_request(fields), offline=True))
    assert loaded is not None
    assert loaded.mask is not None
    assert loaded.mask[..., :48].max() == 0
    ramp = loaded.mask[0, 0, 0, 48:66]
    assert bool((ramp.diff() >= 0).all())
    assert ramp[0] == pytest.approx(1 / 17)
    assert loaded.mask[..., 64:].min() == 1


@pytest.mark.parametrize(
    ("extend", "reason"),
    [
        ("right:65", "multiples of 64"),
        ("right:0", "at least one"),
        ("64x128", "not larger"),
        ("32x256", "not larger"),
        ("right:64,right:64", "Invalid extension"),
        ("sideways:64", "Invalid extension"),
        ("128x128@nowhere", "Invalid extension"),
    ],
)
def test_extensions_that_are_refused(picture: str, extend: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as caught:
        fit_canvas(read_request({"prompts": "山", "init_image": picture, "extend": extend}), offline=True)
    assert caught.value.field == "extend"


@pytest.mark.parametrize("name", ["mask", "extend", "strength"])
def test_changing_a_picture_needs_one(name: str) -> None:
    value = {"mask": "m.png", "extend": "left:64", "strength": 0.5}[name]
    with pytest.raises(InvalidRequest, match="needs an initial image"):
        read_request({"prompts": "山", name: value})


def test_the_canvas_of_a_changed_picture_has_its_upright_size(tmp_path: Path) -> None:
    image = Image.new("RGB", (200, 100))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    image.save(tmp_path / "photo.jpg", exif=exif)
    request = read_request({"prompts": "山", "init_image": str(tmp_path / "photo.jpg"), "strength": 0.4})
    assert fit_canvas(request, offline=True).size == (128, 192)
    loaded = canvas(str(tmp_path / "photo.jpg"), size=(128, 192), strength=0.4)
    assert "100x200" in loaded.notices[0].en
