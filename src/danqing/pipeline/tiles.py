"""Applies an upscaling network to a picture tile by tile, and joins the tiles without visible borders."""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from danqing.models.load_upscaler import UpscaleNetwork
from danqing.pipeline.images import to_images
from danqing.storage.atomic import atomic_path

TILE = 256
"""Largest side of a tile in input pixels, without its context. Halved when memory runs out."""
TILE_PIXEL_BYTES = 2400
"""Memory of the activations per input pixel of a tile: three layers of 64 channels in float32, and the result, with a margin."""
FADE = 8
"""Two adjacent tiles are blended over this many input pixels on each side of their border."""


class Span(NamedTuple):
    """One tile along one axis, in input pixels: it reads start..end, and its result is used in left..right.

    The first `fade` pixels of its result, which the previous tile has too, are blended with that tile.
    """

    start: int
    end: int
    left: int
    right: int
    fade: int


def tile_spans(length: int, tile: int, radius: int) -> list[Span]:
    """Divide one side of a picture into tiles of about equal length.

    With a context of `radius` pixels beyond what is used, a tile's result equals that of the whole picture.

    Args:
        length: of the side.
        tile: largest length of a tile without context and blending.
        radius: see `UpscaleNetwork`.
    """
    count = ceil(length / tile)
    borders = [length * number // count for number in range(count + 1)]
    spans: list[Span] = []
    for first, last in pairwise(borders):
        left, right = (first - FADE if first else 0), min(length, last + FADE)
        spans.append(Span(max(0, left - radius), min(length, right + radius), left, right, 2 * FADE if first else 0))
    return spans


class TiledUpscale:
    """One application of a network to a whole picture.

    The tiles of a row form a band of 8-bit pixels, and the bands form the picture. Neighbours are blended, so that a network
    with an unlimited receptive field leaves no visible border.

    Args:
        network: the network.
        image: RGB.
        factor: factor of both sides, a divisor of the network's; its result is averaged down.
        tile: largest side of a tile in input pixels.
        folder: where finished bands are stored, and read when the same picture is enlarged again; None stores none.
    """

    def __init__(
        self, network: UpscaleNetwork, image: Image.Image, factor: int, *, tile: int, folder: Path | None = None
    ) -> None:
        self._network, self._image, self._factor, self._folder = network, image, factor, folder
        self._device = next(network.module.parameters()).device
        self._columns, self._rows = (tile_spans(length, tile, network.radius) for length in image.size)
        self.result = Image.new("RGB", (image.width * factor, image.height * factor))

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(self._columns) * len(self._rows)

    def run(self) -> Iterator[int]:
        """Enlarge the picture into `result`; yield the number of finished tiles after each, in the end `count`.

        Raises:
            OSError: a band cannot be stored.
        """
        done = 0
        for number, row in enumerate(self._rows):
            size = (self.result.width, (row.right - row.left) * self._factor)
            file = None if self._folder is None or len(self._rows) == 1 else self._folder / f"{number:04d}.png"
            band = None if file is None else _read_band(file, size)
            if band is None:
                band = Image.new("RGB", size)
                for column in self._columns:
                    mask = _ramp(column.fade * self._factor, size[1], vertical=False)
                    _paste(band, self._enlarge(column, row), (column.left * self._factor, 0), mask)
                    done += 1
                    yield done
                if file is not None:
                    _write_band(band, file)
            else:
                done += len(self._columns)
                yield done
            _paste(
                self.result,
                band,
                (0, row.left * self._factor),
                _ramp(row.fade * self._factor, self.result.width, vertical=True),
            )

    def _enlarge(self, column: Span, row: Span) -> Image.Image:
        """Return the used part of one enlarged tile."""
        crop = self._image.crop((column.start, row.start, column.end, row.end))
        scale = self._network.scale
        with torch.inference_mode():
            large = self._network.enlarge(_to_tensor(crop).to(self._device))  # [1, 3, scale*h, scale*w]
            top, left = (row.left - row.start) * scale, (column.left - column.start) * scale
            height, width = (row.right - row.left) * scale, (column.right - column.left) * scale
            used = large[..., top : top + height, left : left + width].clamp(0, 1)
            if scale != self._factor:
                used = F.avg_pool2d(used, scale // self._factor)
            return to_images(used * 2 - 1)[0]


def _to_tensor(image: Image.Image) -> Tensor:
    """Convert an RGB image to [1, 3, H, W] in [0, 1]."""
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(image.height, image.width, 3)
    return pixels.permute(2, 0, 1)[None] / 255


def _ramp(length: int, across: int, *, vertical: bool) -> Image.Image | None:
    """Return weights that grow from 0 to 255 over `length` pixels, as an image; None if `length` is 0."""
    if not length:
        return None
    weights = ((np.arange(length) + 0.5) * 255 / length).round().astype(np.uint8)
    rows = np.broadcast_to(weights, (across, length))
    return Image.fromarray(np.ascontiguousarray(rows.T if vertical else rows))


def _paste(target: Image.Image, part: Image.Image, place: tuple[int, int], ramp: Image.Image | None) -> None:
    """Paste a picture into another one; under the ramp, which lies at its first edge, the two are blended."""
    if ramp is None:
        target.paste(part, place)
        return
    faded = part.crop((0, 0, *ramp.size))
    x, y = (ramp.width, 0) if ramp.height == part.height else (0, ramp.height)
    target.paste(faded, place, ramp)
    target.paste(part.crop((x, y, part.width, part.height)), (place[0] + x, place[1] + y))


def _read_band(file: Path, size: tuple[int, int]) -> Image.Image | None:
    """Read a band that an interrupted call has finished; None if there is none."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            return image.convert("RGB") if image.size == size else None
    except (OSError, SyntaxError, ValueError):
        return None


def _write_band(band: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file, fsync=False) as temporary:
        band.save(temporary, "PNG", compress_level=1)


def upscale_bytes(size: tuple[int, int], by: int) -> int:
    """Return an upper bound of the memory that enlarging takes, without the network: result, bands and one tile.

    Holds for Compact networks of up to 64 channels, see tests/unit/pipeline/test_upscale.py.

    Args:
        size: width and height of the picture in pixels.
        by: factor of both sides.
    """
    width, height = size
    side = TILE + 64  # with context and blending
    tile = min(width, side) * min(height, side)
    return 3 * width * height * by**2 + 2 * 3 * width * by * min(height, side) * by + TILE_PIXEL_BYTES * tile
