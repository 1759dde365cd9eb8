"""Loading of the initial image, and conversion of tensors to PIL images."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from danqing.i18n import Text
from danqing.inputs.image_file import decode_image, display_name, read_image_bytes


def to_images(x0: Tensor) -> list[Image.Image]:
    """Convert [B, 3, H, W] in [-1, 1] to B 8-bit images; values outside are clipped."""
    pixels = ((x0.detach() + 1) * 127.5).clamp(0, 255).round().to("cpu", torch.uint8)  # [B, 3, H, W]
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()) for image in pixels]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [B, 3, H, W] to a width and height by bicubic interpolation; returns `image` if it has that size."""
    if image.shape[-2:] == (size[1], size[0]):
        return image
    return F.interpolate(image, (size[1], size[0]), mode="bicubic", antialias=True)


@dataclass(frozen=True, eq=False, slots=True)
class InitImage:
    """An initial image that fits the canvas."""

    pixels: Tensor
    """[1, 3, H, W] float32 in [-1, 1]."""
    notices: tuple[Text, ...]
    """Changes that the user should know about, for example a removed transparency."""


def load_init_image(
    source: str, *, size: tuple[int, int], fit: Literal["cover", "stretch"], offline: bool = False
) -> InitImage:
    """Load the initial image and fit it to the canvas.

    Args:
        source: a file, a URL or a data URI; PNG, JPEG or WebP.
        size: width and height of the canvas in pixels.
        fit: "cover" crops, "stretch" changes the aspect ratio.
        offline: do not read http(s) URLs.
    Raises:
        InvalidRequest: the source cannot be read, is too large, or is not such an image.
    """
    loaded = decode_image(read_image_bytes(source, offline=offline), display_name(source))
    image = loaded.image
    fitted = image.resize(size, Image.Resampling.BICUBIC) if fit == "stretch" else ImageOps.fit(image, size)
    pixels = torch.frombuffer(bytearray(fitted.tobytes()), dtype=torch.uint8).view(size[1], size[0], 3)
    return InitImage(pixels.permute(2, 0, 1)[None].float() / 127.5 - 1, loaded.notices)
