"""Resizing of tensors and their conversion to PIL images."""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def to_images(x0: Tensor) -> list[Image.Image]:
    """Convert [B, 3, H, W] in [-1, 1] to B 8-bit images; values outside are clipped."""
    pixels = ((x0.detach() + 1) * 127.5).clamp(0, 255).round().to("cpu", torch.uint8)  # [B, 3, H, W]
    return [Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()) for image in pixels]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [B, 3, H, W] to a width and height by bicubic interpolation; returns `image` if it has that size."""
    if image.shape[-2:] == (size[1], size[0]):
        return image
    return F.interpolate(image, (size[1], size[0]), mode="bicubic", antialias=True)
