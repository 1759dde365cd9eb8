"""Pictures of users: orientation, transparency, colour profiles, and limits."""

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from danqing.errors import InvalidRequest
from danqing.inputs.image_file import decode_image, read_header, read_image_bytes, read_user_image

RED, BLUE = (200, 30, 20), (10, 40, 220)


def encode(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def halves() -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (8, 4), RED)
    image.paste(BLUE, (4, 0, 8, 4))
    return image


def test_an_opaque_picture_is_unchanged() -> None:
    decoded = decode_image(encode(halves()), "a.png")
    assert decoded.image.tobytes() == halves().tobytes()
    assert decoded.notices == ()


def test_the_orientation_of_the_camera_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise by 90 degrees when shown
    decoded = decode_image(encode(halves(), exif=exif), "a.png")
    assert decoded.image.size == (4, 8)
    assert decoded.image.getpixel((0, 0)) == RED
    assert decoded.image.getpixel((0, 7)) == BLUE


def hidden_colour(mode: str) -> Image.Image:
    """A picture whose left half is transparent and black."""
    image = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    image.paste((200, 200, 200, 255), (4, 0, 8, 4))
    return image.convert(mode) if mode != "P" else image.quantize(4)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(mode: str) -> None:
    decoded = decode_image(encode(hidden_colour(mode)), "a.png")
    assert decoded.image.mode == "RGB"
    assert decoded.image.getpixel((0, 0)) == (255, 255, 255)
    assert decoded.image.getpixel((7, 0)) == (200, 200, 200)
    assert "白色" in decoded.notices[0].zh


def test_a_transparent_colour_becomes_white() -> None:
    decoded = decode_image(encode(halves(), transparency=RED), "a.png")
    assert decoded.image.getpixel((0, 0)) == (255, 255, 255)
    assert decoded.image.getpixel((7, 0)) == BLUE


def test_an_unused_alpha_channel_changes_nothing() -> None:
    decoded = decode_image(encode(halves().convert("RGBA")), "a.png")
    assert decoded.image.tobytes() == halves().tobytes()
    assert decoded.notices == ()


def swapped_profile() -> bytes:
    """The profile of sRGB with the primaries of red and green exchanged."""
    data = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    red, green = (data.index(name, 132) for name in (b"rXYZ", b"gXYZ"))
    swapped = bytearray(data)
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(swapped).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_a_colour_profile_is_applied() -> None:
    decoded = decode_image(encode(Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=swapped_profile()), "a.png")
    red, green, _ = np.asarray(decoded.image)[0, 0]
    assert green > 200
    assert red < 60


def test_an_unreadable_colour_profile_is_ignored() -> None:
    decoded = decode_image(encode(halves(), icc_profile=b"nonsense"), "a.png")
    assert decoded.image.tobytes() == halves().tobytes()
    assert "profile" in decoded.notices[0].en


def test_the_first_frame_of_a_camera_is_taken() -> None:
    data = encode(halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (4, 2))])
    assert read_header(data, "a.jpg").media_type == "image/jpeg"
    assert decode_image(data, "a.jpg").image.size == (8, 4)


def test_16_bit_gray_is_scaled() -> None:
    gray = Image.fromarray(np.full((4, 4), 0x8000, np.uint16))
    assert decode_image(encode(gray), "a.png").image.getpixel((0, 0)) == (128, 128, 128)


def bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


ANIMATED = encode(halves(), save_all=True, append_images=[Image.new("RGB", (8, 4))])


@pytest.mark.parametrize("data", [b"", b"text", encode(halves(), "GIF"), bomb(), ANIMATED, encode(halves())[:40]])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.png"):
        decode_image(data, "a.png")


@pytest.mark.parametrize("data", [b"", b"text", encode(halves(), "GIF"), bomb(), ANIMATED])
def test_the_header_is_enough_to_refuse(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.png"):
        read_header(data, "a.png")


def test_more_formats_can_be_accepted() -> None:
    assert decode_image(encode(halves(), "BMP"), "a.bmp", ("PNG", "BMP")).image.tobytes() == halves().tobytes()


def test_sources(tmp_path: Path) -> None:
    data = encode(halves())
    path = tmp_path / "雪 山.png"
    path.write_bytes(data)
    wrapped = base64.encodebytes(data).decode()  # with line breaks
    for source in (str(path), path.as_uri(), f"data:image/png;base64,{wrapped}"):
        assert read_image_bytes(source) == data
    assert read_user_image(path).image.size == (8, 4)


@pytest.mark.parametrize(
    "source", ["/missing/a.png", "data:image/png;base64,@@@", ".", "https://example.invalid/a.png", "a\0b"]
)
def test_sources_that_cannot_be_read(source: str) -> None:
    with pytest.raises(InvalidRequest):
        read_image_bytes(source, offline=True)


def test_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(200))
    with pytest.raises(InvalidRequest, match="larger"):
        read_image_bytes(str(path), max_bytes=100)
