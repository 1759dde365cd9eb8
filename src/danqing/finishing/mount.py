"""Mounts of a painting: hanging scroll, horizontal scroll, framed square, album leaf, fan, handscroll (装裱).

Parts and proportions:
    parts of the hanging scroll (天杆, 天头, 惊燕, 隔水, 画心, 地头, 地杆, 轴头): Wikipedia, "Hanging scroll"; side borders of an
    eighth to a tenth of the picture's width: common guides for mounters. 天头 to 地头 as three to two is our choice within them.
    Order of the handscroll from the right (天头, 引首, 隔水, 画心, 隔水, 拖尾): National Palace Museum, "The Handscroll".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from danqing.finishing import silk
from danqing.finishing.layout import Box
from danqing.finishing.options import Mount

SIDE = 1 / 9
"""Width of the side borders, as a fraction of the picture's width."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mounted picture. `label` is a plain part of the mount at the lower edge, for a label such as AI生成."""

    image: Image.Image
    label: Box


def mount_picture(image: Image.Image, kind: Mount, rng: np.random.Generator) -> Mounted:
    """Mount a picture.

    Args:
        image: RGB, already inscribed. For a fan the flat panel, see `fan.fan_panel`.
        kind: any format but the handscroll, which also needs its texts; see `handscroll`.
        rng: source of the texture of silk, paper and wood.
    """
    return _MOUNTS[kind](image, rng)


def bordered(image: Image.Image, rng: np.random.Generator, *, line: int) -> Image.Image:
    """Return the picture with the narrow strip of paper and the dark line that separate it from the silk (局条)."""
    strip = line * 3
    ground = silk.paper((image.width + 2 * strip, image.height + 2 * strip), silk.IVORY, rng)
    ImageDraw.Draw(ground).rectangle((0, 0, ground.width - 1, ground.height - 1), outline=(120, 104, 84), width=line)
    ground.paste(image, (strip, strip))
    return ground


def framed(
    inner: Image.Image, size: tuple[int, int], *, at: tuple[int, int], color: silk.Color, rng: np.random.Generator
) -> Image.Image:
    """Return figured silk of a size with a picture pasted on it."""
    ground = silk.silk(size, color, _figure(inner), rng)
    ground.paste(inner, at)
    return ground


def _figure(image: Image.Image) -> float:
    return max(28.0, min(image.size) * 0.085)


def hanging_scroll(image: Image.Image, rng: np.random.Generator) -> Mounted:
    """Mount as a hanging scroll (立轴)."""
    unit = min(image.width, image.height * 0.75)
    inner = bordered(image, rng, line=max(1, round(unit * 0.003)))
    side = round(unit * SIDE)
    ring = framed(
        inner,
        (inner.width + 2 * side, inner.height + round(unit * 0.27)),
        at=(side, round(unit * 0.15)),
        color=silk.MIST,
        rng=rng,
    )
    heaven, earth = round(unit * 0.57), round(unit * 0.38)
    body = framed(ring, (ring.width, ring.height + heaven + earth), at=(0, heaven), color=silk.TEA, rng=rng)
    _seam(body, heaven)
    _seam(body, heaven + ring.height)
    _swallow_strips(body, heaven, unit, rng)
    stave = silk.wood((body.width, max(4, round(unit * 0.022))), silk.ROSEWOOD, rng)
    roller = silk.wood((body.width, round(unit * 0.052)), (188, 168, 134), rng)
    knob = silk.wood((round(unit * 0.055), round(unit * 0.066)), silk.ROSEWOOD, rng)
    margin, top, bottom = round(unit * 0.2), round(unit * 0.24), round(unit * 0.16)
    canvas = silk.wall((body.width + 2 * margin, body.height + stave.height + roller.height + top + bottom), rng)
    y = top + stave.height + body.height
    knob_y = y + (roller.height - knob.height) // 2
    parts = [
        (knob, (margin - knob.width, knob_y)),
        (knob, (margin + body.width, knob_y)),
        (body, (margin, top + stave.height)),
        (stave, (margin, top)),
        (roller, (margin, y)),
    ]
    _cord(canvas, (margin, top), body.width, unit)
    silk.hang(canvas, parts, unit * 0.05)
    label = Box(
        margin + body.width * 0.55, top + stave.height + body.height - earth * 0.5, body.width * 0.43, earth * 0.42
    )
    return Mounted(canvas, label)


def horizontal_scroll(image: Image.Image, rng: np.random.Generator) -> Mounted:
    """Mount as a horizontal hanging (横披), with a flat stave at each end."""
    unit = min(image.height, image.width * 0.75)
    inner = bordered(image, rng, line=max(1, round(unit * 0.004)))
    edge, end = round(unit * 0.15), round(unit * 0.42)
    ring = framed(inner, (inner.width + 2 * edge, inner.height + 2 * edge), at=(edge, edge), color=silk.MIST, rng=rng)
    body = framed(ring, (ring.width + 2 * end, ring.height), at=(end, 0), color=silk.TEA, rng=rng)
    for x in (end, end + ring.width):
        _seam(body, x, upright=True)
    stave = silk.wood((round(unit * 0.035), body.height), silk.ROSEWOOD, rng)
    margin = round(unit * 0.2)
    canvas = silk.wall((body.width + 2 * stave.width + 2 * margin, body.height + 2 * margin), rng)
    x = margin + stave.width
    silk.hang(canvas, [(body, (x, margin)), (stave, (margin, margin)), (stave, (x + body.width, margin))], unit * 0.05)
    label = Box(x + body.width - end * 0.95, margin + body.height - unit * 0.2, end * 0.9, unit * 0.17)
    return Mounted(canvas, label)


def square_frame(image: Image.Image, rng: np.random.Generator) -> Mounted:
    """Mount under glass in a narrow wooden frame (斗方镜心)."""
    unit = min(image.size)
    inner = bordered(image, rng, line=max(1, round(unit * 0.004)))
    edge = round(unit * 0.17)
    body = framed(inner, (inner.width + 2 * edge, inner.height + 2 * edge), at=(edge, edge), color=silk.CREAM, rng=rng)
    return _in_frame(body, unit, edge, rng)


def album_leaf(image: Image.Image, rng: np.random.Generator) -> Mounted:
    """Mount as a leaf of an album (册页), which lies open; the fold and the facing leaf are at the left."""
    unit = min(image.size)
    inner = bordered(image, rng, line=max(1, round(unit * 0.003)))
    edge = round(unit * 0.12)
    leaf = silk.paper((inner.width + 2 * edge, inner.height + 2 * edge), silk.PAPER, rng)
    leaf.paste(inner, (edge, edge))
    facing = silk.paper((round(leaf.width * 0.22), leaf.height), silk.PAPER, rng)
    body = Image.new("RGB", (facing.width + leaf.width, leaf.height))
    body.paste(facing, (0, 0))
    body.paste(leaf, (facing.width, 0))
    body = _shade_fold(body, facing.width, unit)
    rim = round(unit * 0.028)
    cover = framed(body, (body.width + rim, body.height + 2 * rim), at=(0, rim), color=silk.TEA, rng=rng)
    margin = round(unit * 0.16)
    canvas = silk.wall((cover.width + margin, cover.height + 2 * margin), rng)
    silk.hang(canvas, [(cover, (0, margin))], unit * 0.045)
    label = Box(cover.width - unit * 0.52, margin + rim + body.height - edge * 0.88, unit * 0.42, edge * 0.76)
    return Mounted(canvas, label)


def fan_leaf(image: Image.Image, rng: np.random.Generator) -> Mounted:
    """Bend the panel into a fan and mount it on paper in a frame (扇片)."""
    from danqing.finishing.fan import bend

    fan, mask = bend(image, rng)
    unit = fan.height
    edge = round(unit * 0.13)
    sheet = silk.paper((fan.width + 2 * edge, fan.height + 2 * edge), silk.IVORY, rng)
    sheet.paste(fan, (edge, edge), mask)
    ring = round(unit * 0.15)
    body = framed(sheet, (sheet.width + 2 * ring, sheet.height + 2 * ring), at=(ring, ring), color=silk.MIST, rng=rng)
    return _in_frame(body, unit, ring, rng)


def _in_frame(body: Image.Image, unit: float, edge: int, rng: np.random.Generator) -> Mounted:
    """Return a mounted picture in a narrow wooden frame on a wall; `edge` is the width of its silk border."""
    bar = max(6, round(unit * 0.03))
    across = silk.wood((body.width + 2 * bar, bar), silk.ROSEWOOD, rng)
    upright = silk.wood((bar, body.height), silk.ROSEWOOD, rng)
    frame = Image.new("RGB", (across.width, body.height + 2 * bar))
    frame.paste(body, (bar, bar))
    for part, corner in (
        (across, (0, 0)),
        (across, (0, bar + body.height)),
        (upright, (0, bar)),
        (upright, (bar + body.width, bar)),
    ):
        frame.paste(part, corner)
    margin = round(unit * 0.17)
    canvas = silk.wall((frame.width + 2 * margin, frame.height + 2 * margin), rng)
    silk.hang(canvas, [(frame, (margin, margin))], unit * 0.05)
    right, bottom = margin + bar + body.width, margin + bar + body.height
    return Mounted(canvas, Box(right - unit * 0.52, bottom - edge * 0.85, unit * 0.46, edge * 0.7))


def _seam(body: Image.Image, at: int, *, upright: bool = False) -> None:
    """Draw the seam between two silks."""
    box = (at - 1, 0, at, body.height) if upright else (0, at - 1, body.width, at)
    ImageDraw.Draw(body).rectangle(box, fill=(150, 134, 106))


def _swallow_strips(body: Image.Image, height: int, unit: float, rng: np.random.Generator) -> None:
    """Paste the two strips on the upper part of the scroll (惊燕)."""
    width = max(6, round(unit * 0.03))
    for share in (1 / 3, 2 / 3):
        strip = silk.silk((width, height), silk.MIST, unit * 0.05, rng)
        ImageDraw.Draw(strip).rectangle(
            (0, -2, width - 1, height + 1), outline=(140, 126, 102), width=max(1, width // 12)
        )
        body.paste(strip, (round(body.width * share - width / 2), 0))


def _cord(canvas: Image.Image, corner: tuple[int, int], width: int, unit: float) -> None:
    """Draw the cord from the stave to a nail above its middle."""
    x, y = corner
    nail = (x + width / 2, y - unit * 0.14)
    draw = ImageDraw.Draw(canvas)
    for share in (0.3, 0.7):
        draw.line([(x + width * share, y), nail], fill=(96, 74, 52), width=max(2, round(unit * 0.005)))
    radius = max(3, unit * 0.009)
    draw.ellipse((nail[0] - radius, nail[1] - radius, nail[0] + radius, nail[1] + radius), fill=(60, 50, 42))


def _shade_fold(body: Image.Image, at: int, unit: float) -> Image.Image:
    """Return an open album with the soft shadow of its fold."""
    distance = np.abs(np.arange(body.width) - at)
    light = 1 - 0.2 * np.exp(-distance / (unit * 0.012)) - 0.1 * np.exp(-distance / (unit * 0.07))
    pixels = np.asarray(body, np.float32) / 255
    return silk.to_image(pixels * light[None, :, None])


_MOUNTS: Mapping[Mount, Callable[[Image.Image, np.random.Generator], Mounted]] = {
    "立轴": hanging_scroll,
    "横披": horizontal_scroll,
    "斗方": square_frame,
    "册页": album_leaf,
    "扇面": fan_leaf,
}
