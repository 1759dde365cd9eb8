"""Reading the initial image, and conversion of tensors to PIL images."""

import base64
import binascii
import io
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from danqing.errors import InvalidRequest

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 16 * 2**20
"""Largest file that is accepted as initial image."""
MAX_PIXELS = 40_000_000
"""Largest image that is decoded."""
_BOMBS = (Image.DecompressionBombWarning, Image.DecompressionBombError)


def to_images(x0: Tensor) -> list[Image.Image]:
    """Convert [B, 3, H, W] in [-1, 1] to B 8-bit images; values outside are clipped."""
    pixels = ((x0.detach() + 1) * 127.5).clamp(0, 255).round().to("cpu", torch.uint8)  # [B, 3, H, W]
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()) for image in pixels]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [B, 3, H, W] to a width and height by bicubic interpolation; returns `image` if it has that size."""
    if image.shape[-2:] == (size[1], size[0]):
        return image
    return F.interpolate(image, (size[1], size[0]), mode="bicubic", antialias=True)


def load_init_image(
    source: str, *, size: tuple[int, int], fit: Literal["cover", "stretch"], offline: bool = False
) -> Tensor:
    """Load the initial image and fit it to the canvas.

    Args:
        source: a file, an http(s) URL or a data URI; PNG, JPEG or WebP.
        size: width and height of the canvas in pixels.
        fit: "cover" crops, "stretch" changes the aspect ratio.
        offline: do not read URLs.
    Returns:
        [1, 3, H, W] float32 in [-1, 1].
    Raises:
        InvalidRequest: the source cannot be read, is too large, or is not such an image.
    """
    image = _decode(_read_bytes(source, offline=offline), source)
    fitted = image.resize(size, Image.Resampling.LANCZOS) if fit == "stretch" else ImageOps.fit(image, size)
    pixels = torch.frombuffer(bytearray(fitted.tobytes()), dtype=torch.uint8).view(size[1], size[0], 3)
    return pixels.permute(2, 0, 1)[None].float() / 127.5 - 1


def _read_bytes(source: str, *, offline: bool) -> bytes:
    try:
        if source.startswith("data:"):
            return base64.b64decode(source.partition(",")[2], validate=True)
        if source.startswith(("http://", "https://")):
            if offline:
                raise _unreadable(source, "离线模式下不能下载", "downloads are disabled in offline mode")
            with urllib.request.urlopen(source, timeout=20) as response:
                data = response.read(MAX_BYTES + 1)
        else:
            with Path(source).expanduser().open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except binascii.Error as error:
        raise _unreadable("data:…", "不是 base64", "it is not base64") from error
    except (OSError, ValueError, urllib.error.URLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise _unreadable(source, str(reason), str(reason)) from error
    if len(data) > MAX_BYTES:
        raise _unreadable(source, f"超过 {MAX_BYTES >> 20} MB", f"it is larger than {MAX_BYTES >> 20} MB")
    return data


def _decode(data: bytes, source: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise _unreadable(source, f"超过 {MAX_PIXELS:,} 像素", f"it has more than {MAX_PIXELS:,} pixels")
            return ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, *_BOMBS) as error:
        raise _unreadable(
            source, "不是完整的 PNG、JPEG 或 WebP", "it is not a complete PNG, JPEG or WebP image"
        ) from error


def _unreadable(source: str, zh: str, en: str) -> InvalidRequest:
    name = source if len(source) <= 80 else source[:77] + "…"
    return InvalidRequest(
        f"无法使用底图 {name}：{zh}。请换一张图。",
        f"Cannot use the initial image {name}: {en}. Choose another image.",
        field="init_image",
    )
