"""Write a finished picture with the metadata of the picture it was made from."""

import io
from pathlib import Path
from typing import Any, cast

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.errors import InvalidRequest
from danqing.provenance.xmp import AIGC_LABEL, RECIPE, SOURCE_TYPE, read_properties, update_packet
from danqing.storage.atomic import write_bytes

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

_XMP = "XML:com.adobe.xmp"


_LARGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383}
_MAX_METADATA = 65_000
"""Longest XMP packet, and longest EXIF, that fits into a JPEG, in bytes."""


def check_sides(size: tuple[int, int], out: Path) -> None:
    """Check that the format of a file can hold a picture.

    Args:
        size: width and height in pixels.
        out: the file; its suffix selects the format.
    Raises:
        InvalidRequest: a side is longer than the format allows.
    """
    file_format = _FORMATS[out.suffix.lower()]
    largest = _LARGEST_SIDES.get(file_format)
    if largest is not None and max(size) > largest:
        raise InvalidRequest(
            f"{size[0]}x{size[1]} 的图片不能保存为 {out}：{file_format} 每边最多 {largest} 像素。请保存为 .png。",
            f"A picture of {size[0]}x{size[1]} cannot be saved as {out}: a side of a {file_format} has at most {largest} pixels. "
            "Save it as .png.",
        )


def save_finished(image: Image.Image, source: Path, out: Path, *, recipe: str = "") -> None:
    """Write a picture as PNG, JPEG or WebP with the text chunks, XMP and EXIF of its source.

    XMP and EXIF that are too long for a JPEG are left out, except the label.

    Args:
        image: the finished picture.
        source: file of the unfinished picture.
        out: the file; its suffix selects the format.
        recipe: the parameters of the source as JSON for the XMP packet, because only PNG keeps text chunks.
    Raises:
        InvalidRequest: a side is longer than the format allows.
        StorageError: the file cannot be written.
    """
    check_sides(image.size, out)
    file_format = _FORMATS[out.suffix.lower()]
    parameters: dict[str, Any] = {"quality": 95} if file_format != "PNG" else {}
    with Image.open(source) as opened:
        exif = opened.getexif()
        exif.pop(0x0112, None)  # the picture has been turned upright
        if exif and (file_format != "JPEG" or len(exif.tobytes()) <= _MAX_METADATA):
            parameters["exif"] = exif
        texts = cast("dict[str, object]", getattr(opened, "text", {}))
        stored = opened.info.get("xmp") or texts.pop(_XMP, b"")
        xmp = stored.encode() if isinstance(stored, str) else cast("bytes", stored)
        if file_format == "PNG":
            parameters["pnginfo"] = _text_chunks({**texts, _XMP: xmp.decode("utf-8", "replace")} if xmp else texts)
        elif xmp or recipe:
            parameters["xmp"] = _xmp_packet(xmp, recipe, max_bytes=_MAX_METADATA if file_format == "JPEG" else 2**31)
    buffer = io.BytesIO()
    image.save(buffer, file_format, **parameters)
    write_bytes(out, buffer.getvalue())


def _xmp_packet(xmp: bytes, recipe: str, *, max_bytes: int) -> bytes:
    """Return a packet with a recipe; only recipe and label if it would be too long."""
    packet = update_packet(xmp, {RECIPE: recipe}) if recipe else xmp
    if len(packet) <= max_bytes:
        return packet
    values = {name: value for name, value in read_properties(packet).items() if name in (AIGC_LABEL, SOURCE_TYPE)}
    return update_packet(None, {**values, RECIPE: recipe} if recipe else values)


def _text_chunks(texts: dict[str, object]) -> PngInfo:
    info = PngInfo()
    for key, value in texts.items():
        text = str(value)
        if text.isascii() and key != "danqing":
            info.add_text(key, text)
        else:
            info.add_itxt(key, text)
    return info
