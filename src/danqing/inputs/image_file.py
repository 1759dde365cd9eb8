"""Reads pictures of users: limits before decoding, then upright, opaque, 8-bit sRGB."""

import base64
import binascii
import io
import string
import struct
import urllib.error
import urllib.request
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from danqing.errors import InvalidRequest
from danqing.i18n import Text, error_reason

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP")
"""Formats of initial images, as Pillow names them. JPEG includes MPO, which cameras write: only its first frame is used."""
MAX_BYTES = 16 * 2**20
"""Largest file that is read."""
MAX_PIXELS = 40_000_000
"""Largest picture that is decoded."""
_WHITE_SPACE = string.whitespace.encode()

_DAMAGED = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    MemoryError,
    struct.error,
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Facts about a picture that are known without decoding it."""

    media_type: str
    width: int
    """Of the upright picture, in pixels."""
    height: int


@dataclass(frozen=True, eq=False, slots=True)
class UserImage:
    """A decoded picture."""

    image: Image.Image
    """Upright 8-bit RGB in sRGB."""
    alpha: Image.Image | None = None
    """Its opacity before transparent parts became white, 8-bit gray; None if it was opaque."""
    notices: tuple[Text, ...] = ()
    """Changes that the user should know about, for example a removed transparency."""


def read_image_bytes(source: str, *, offline: bool = False, max_bytes: int = MAX_BYTES) -> bytes:
    """Read an encoded picture.

    Args:
        source: a file, an http(s) or file URL, or a data URI.
        offline: do not read http(s) URLs.
        max_bytes: largest picture that is read.
    Raises:
        InvalidRequest: it cannot be read or is too large.
    """
    name = display_name(source)
    try:
        if source.startswith("data:"):
            data = decode_base64(remove_white_space(source.partition(",")[2]))
        elif source.startswith(("http://", "https://")):
            if offline:
                raise image_error(name, Text("离线模式下不能下载", "downloads are disabled in offline mode"))
            with urllib.request.urlopen(source, timeout=20) as response:
                data = response.read(max_bytes + 1)
        else:
            with _to_path(source).open("rb") as stream:
                data = stream.read(max_bytes + 1)
    except binascii.Error as error:
        raise image_error(name, Text("不是有效的 base64", "it is not valid base64")) from error
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise image_error(name, error_reason(error)) from error
    if len(data) > max_bytes:
        raise image_error(name, Text(f"超过 {max_bytes >> 20} MB", f"it is larger than {max_bytes >> 20} MB"))
    return data


def remove_white_space(text: str) -> str:
    """Remove white space in one pass; a list of its words would be many times as large as a text of single letters."""
    return text.encode("utf-8", "replace").translate(None, _WHITE_SPACE).decode()


def decode_base64(text: str) -> bytes:
    """Decode base64.

    Raises:
        binascii.Error: for any other text; `b64decode` raises another error for characters that are not ASCII.
    """
    return base64.b64decode(text.encode("ascii", "replace"), validate=True)


def read_header(data: bytes, name: str, formats: tuple[str, ...] = IMAGE_FORMATS) -> ImageHeader:
    """Check a picture by its header, which takes less than a millisecond.

    Args:
        data: the encoded picture.
        name: of the picture, for messages.
        formats: accepted formats, as Pillow names them.
    Raises:
        InvalidRequest: another format, animated, or too large to decode.
    """
    try:
        with _open(data, name, formats) as image:
            media_type = "image/jpeg" if image.format == "MPO" else f"image/{(image.format or '').lower()}"
            width, height = (image.height, image.width) if _lies_on_its_side(image) else image.size
            return ImageHeader(media_type, width, height)
    except _DAMAGED as error:
        raise _damaged(name, formats) from error


def decode_image(data: bytes, name: str, formats: tuple[str, ...] = IMAGE_FORMATS) -> UserImage:
    """Decode a picture to upright, opaque 8-bit sRGB.

    Transparent parts become white. A colour profile is applied; one that cannot be read is ignored.

    Args:
        data: the encoded picture.
        name: of the picture, for messages.
        formats: accepted formats, as Pillow names them.
    Raises:
        InvalidRequest: another format, animated, damaged, or too large to decode.
    """
    notices: list[Text] = []
    try:
        with _open(data, name, formats) as opened:
            opened.load()
            upright = _upright(_to_8_bit(opened))
            alpha = upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
            image = _to_srgb(_without_alpha(upright), opened.info.get("icc_profile"), name, notices)
            if alpha is not None and alpha.getextrema() == (255, 255):
                alpha = None
            if alpha is not None:
                opaque = Image.new("RGB", image.size, _WHITE)
                opaque.paste(image, mask=alpha)
                image = opaque
                notices.append(
                    Text(
                        f"图片 {name} 的透明部分已换成白色。",
                        f"The transparent parts of the picture {name} were replaced by white.",
                    )
                )
            return UserImage(image, alpha, tuple(notices))
    except _DAMAGED as error:
        raise _damaged(name, formats) from error


def read_user_image(path: Path, formats: tuple[str, ...] = IMAGE_FORMATS, *, max_bytes: int = MAX_BYTES) -> UserImage:
    """Read and decode a picture file; see `decode_image`.

    Raises:
        InvalidRequest: the file cannot be read, is too large, or is not such a picture.
    """
    return decode_image(read_image_bytes(str(path), max_bytes=max_bytes), str(path), formats)


def display_name(source: str) -> str:
    """Return a short name of an image source for messages."""
    if source.startswith("data:"):
        return "data:…"
    return source if len(source) <= 80 else source[:77] + "…"


def image_error(name: str, reason: Text) -> InvalidRequest:
    """Return the error for a picture that cannot be used."""
    return InvalidRequest(
        f"无法使用图片 {name}：{reason.zh}。请换一张图片。",
        f"Cannot use the picture {name}: {reason.en}. Choose another picture.",
        field="init_image",
    )


def _to_path(source: str) -> Path:
    if source.lower().startswith("file://"):
        from urllib.request import url2pathname

        return Path(url2pathname(source[len("file://") :].removeprefix("localhost")))
    return Path(source).expanduser()


def _open(data: bytes, name: str, formats: tuple[str, ...]) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=formats)
    if image.width * image.height > MAX_PIXELS:
        raise image_error(name, Text(f"超过 {MAX_PIXELS:,} 像素", f"it has more than {MAX_PIXELS:,} pixels"))
    if image.format != "MPO" and getattr(image, "n_frames", 1) != 1:
        raise image_error(name, Text("它是动图", "it is animated"))
    return image


def _damaged(name: str, formats: tuple[str, ...]) -> InvalidRequest:
    return image_error(
        name,
        Text(
            f"它不是完整的 {'、'.join(formats)} 图片",
            f"it is not a complete {', '.join(formats[:-1])} or {formats[-1]} picture",
        ),
    )


def _lies_on_its_side(image: Image.Image) -> bool:
    """Return whether the orientation of the camera swaps width and height; damaged metadata is ignored."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return False


def _upright(image: Image.Image) -> Image.Image:
    """Apply the orientation of the camera; damaged metadata is ignored."""
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return image


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit gray to 8 bits; Pillow's own conversion clips it to white."""
    if not image.mode.startswith("I"):
        return image
    gray = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    gray.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return gray


def _without_alpha(image: Image.Image) -> Image.Image:
    """Return the colours alone, in the colour space of the file."""
    if image.mode in ("L", "LA", "La", "1"):
        return image.convert("L")
    return image if image.mode in ("RGB", "CMYK") else image.convert("RGBA").convert("RGB")


def _to_srgb(image: Image.Image, profile: object, name: str, notices: list[Text]) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(source).lower() and image.mode == "RGB":
                return image  # a conversion would only round
            target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            assert converted is not None, "profileToProfile returns None only when it works in place"
            return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            notices.append(
                Text(
                    f"忽略图片 {name} 中无法识别的颜色配置。",
                    f"Ignored the unreadable colour profile of the picture {name}.",
                )
            )
    return image.convert("RGB")
