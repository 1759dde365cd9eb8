"""Write a finished picture with the metadata of the picture it was made from."""

import io
from pathlib import Path
from typing import Any, cast

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.storage.atomic import write_bytes

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

_XMP = "XML:com.adobe.xmp"


def save_finished(image: Image.Image, source: Path, out: Path) -> None:
    """Write a picture as PNG, JPEG or WebP with the text chunks, XMP and EXIF of its source.

    Args:
        image: the finished picture.
        source: file of the unfinished picture.
        out: the file; its suffix selects the format.
    Raises:
        StorageError: the file cannot be written.
    """
    file_format = _FORMATS[out.suffix.lower()]
    parameters: dict[str, Any] = {"quality": 95} if file_format != "PNG" else {}
    with Image.open(source) as opened:
        exif = opened.getexif()
        exif.pop(0x0112, None)  # the picture has been turned upright
        if exif:
            parameters["exif"] = exif
        texts = cast("dict[str, object]", getattr(opened, "text", {}))
        stored = opened.info.get("xmp") or texts.pop(_XMP, b"")
        xmp = stored.encode() if isinstance(stored, str) else cast("bytes", stored)
        if file_format == "PNG":
            parameters["pnginfo"] = _text_chunks({**texts, _XMP: xmp.decode("utf-8", "replace")} if xmp else texts)
        elif xmp:
            parameters["xmp"] = xmp
    buffer = io.BytesIO()
    image.save(buffer, file_format, **parameters)
    write_bytes(out, buffer.getvalue())


def _text_chunks(texts: dict[str, object]) -> PngInfo:
    info = PngInfo()
    for key, value in texts.items():
        text = str(value)
        if text.isascii() and key != "danqing":
            info.add_text(key, text)
        else:
            info.add_itxt(key, text)
    return info
