"""The folding fan: a flat panel with the picture and its inscription, bent into a ring sector with pleats."""

import math

import numpy as np
from PIL import Image

from danqing.finishing.texture import Array, blur, smooth_noise, to_image, to_pixels

ANGLE = math.radians(140)
"""Angle of an open fan of sixteen ribs (Qing and Republican folding fans, see docs/zh/finishing.md)."""
INNER = 0.43
"""Radius where the paper begins, as a fraction of the outer one: paper of 17 to 18 cm on ribs of 31 cm."""
PLEATS = 30
"""Number of creases."""
ASPECT = ANGLE * (1 + INNER) / 2 / (1 - INNER)
"""Width divided by height of the flat panel."""
_MIN_ASPECT = 1.5
"""Smallest width divided by height of the picture on the panel; a higher picture is cropped."""
_MAX_CROP = 1.1
"""A picture that has to lose at most this factor of its height to have the aspect ratio of the panel is cropped to it."""


def fan_panel(image: Image.Image) -> Image.Image:
    """Return the flat panel of a fan: the picture in the middle, fading into paper of its own colour at the sides.

    A picture that is higher than `_MIN_ASPECT` allows loses its upper and lower edge.
    """
    if image.width / image.height < _MIN_ASPECT:
        height = round(image.width / _MIN_ASPECT)
        top = (image.height - height) // 2
        image = image.crop((0, top, image.width, top + height))
    if image.width < image.height * ASPECT <= image.width * _MAX_CROP:
        height = round(image.width / ASPECT)
        return image.crop((0, (image.height - height) // 2, image.width, (image.height + height) // 2))
    width = round(image.height * ASPECT)
    if width <= image.width:
        left = (image.width - width) // 2
        return image.crop((left, 0, left + width, image.height))
    pixels = to_pixels(image)
    luminance = pixels.mean(2)
    ground = pixels[luminance >= np.quantile(luminance, 0.7)].mean(0)
    fade = max(2, image.width // 6)
    ramp = np.minimum(np.arange(image.width) / fade, np.arange(image.width)[::-1] / fade).clip(0, 1)
    weight = (ramp * ramp * (3 - 2 * ramp))[None, :, None]
    panel = np.empty((image.height, width, 3), np.float32)
    panel[:] = ground * 0.75 + np.array((0.95, 0.92, 0.86), np.float32) * 0.25
    left = (width - image.width) // 2
    part = panel[:, left : left + image.width]
    panel[:, left : left + image.width] = part * (1 - weight) + pixels * weight
    return to_image(panel)


def bend(panel: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Bend a panel into a fan.

    Args:
        panel: the flat picture; its upper edge becomes the outer arc.
        rng: source of the irregularity of the pleats.
    Returns:
        the fan, and the mask of its paper.
    """
    radius = panel.height / (1 - INNER)
    width = math.ceil(2 * radius * math.sin(ANGLE / 2)) + 4
    height = math.ceil(radius - radius * INNER * math.cos(ANGLE / 2)) + 4
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = xs - width / 2, radius + 2 - ys
    distance = np.hypot(dx, dy)
    angle = np.arctan2(dx, dy)
    u = (angle / ANGLE + 0.5) * (panel.width - 1)
    v = (radius - distance) / (radius * (1 - INNER)) * (panel.height - 1)
    inside = (np.abs(angle) <= ANGLE / 2) & (distance <= radius) & (distance >= radius * INNER)
    pixels = _sample(to_pixels(panel), u, v)
    position = (angle / ANGLE + 0.5) * PLEATS
    ridge = np.abs((position % 2) - 1)  # 0 in a valley, 1 on a ridge
    slope = np.where(position % 2 < 1, 1.0, -1.0)
    light = 1 + 0.035 * slope - 0.05 * np.exp(-ridge * 9) + 0.03 * np.exp(-(1 - ridge) * 9)
    light = light + 0.006 * smooth_noise(rng, (height, width), 3)
    mask = blur(inside.astype(np.float32), 0.7)
    return to_image(pixels * light[..., None]), Image.fromarray((mask * 255).astype(np.uint8))


def _sample(pixels: Array, u: Array, v: Array) -> Array:
    """Return bilinear samples of a picture at fractional columns `u` and rows `v`, which are clipped to it."""
    height, width = pixels.shape[:2]
    u, v = u.clip(0, width - 1.001), v.clip(0, height - 1.001)
    x, y = u.astype(np.int64), v.astype(np.int64)
    fx, fy = (u - x)[..., None], (v - y)[..., None]
    x1, y1 = np.minimum(x + 1, width - 1), np.minimum(y + 1, height - 1)
    top = pixels[y, x] * (1 - fx) + pixels[y, x1] * fx
    bottom = pixels[y1, x] * (1 - fx) + pixels[y1, x1] * fx
    return top * (1 - fy) + bottom * fy
