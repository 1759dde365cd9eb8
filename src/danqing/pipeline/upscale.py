"""Enlarges pictures. Besides the pictures themselves, the memory does not depend on their size."""

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from PIL import Image

from danqing.errors import InvalidRequest, OutOfMemory
from danqing.events import Upscaled
from danqing.models.load_upscaler import UpscaleNetwork, load_upscaler
from danqing.pipeline.memory.usage import GIB, free_memory, is_out_of_memory, memory_available
from danqing.pipeline.tiles import TILE, TiledUpscale, upscale_bytes

TRIAL = 128
"""Side of the part of a picture that is enlarged to measure the speed."""
MIN_TILE = 32
"""Smallest tile that is tried."""
MAX_UPSCALED_PIXELS = 300_000_000
"""Largest enlarged picture."""


@dataclass(frozen=True, eq=False, slots=True)
class Upscaler:
    """A loaded upscaler.

    Attributes:
        name: name in the catalog, or path of its file.
        network: the network.
        tile: largest side of a tile in input pixels.
    """

    name: str
    network: UpscaleNetwork
    tile: int = TILE

    @classmethod
    def load(cls, name: str, path: Path, device: torch.device) -> "Upscaler":
        """Load an upscaler.

        Args:
            name: name in the catalog, or path of its file.
            path: its file.
            device: device of the network.
        Raises:
            WeightsError: the file is damaged, or is no upscaler.
            MissingExtra: its architecture needs an extra library.
        """
        return cls(name, load_upscaler(path, device=device))

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return next(self.network.module.parameters()).device

    def digest(self) -> bytes:
        """Return a digest of the weights."""
        digest = hashlib.sha256()
        for tensor in self.network.module.state_dict().values():
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.digest()

    def run(
        self,
        image: Image.Image,
        by: int,
        *,
        on_progress: Callable[[Upscaled], None] = lambda _: None,
        bands: Path | None = None,
    ) -> Image.Image:
        """Enlarge a picture and return it; see `enlarge`. An exception of `on_progress` stops the work."""
        events = self.enlarge(image, by, bands=bands)
        while True:
            try:
                on_progress(next(events))
            except StopIteration as stop:
                return cast("Image.Image", stop.value)

    def enlarge(
        self, image: Image.Image, by: int, *, number: int = 0, bands: Path | None = None
    ) -> Generator[Upscaled, None, Image.Image]:
        """Enlarge a picture.

        A network with a smaller factor is applied repeatedly; the result of one with a larger factor is averaged down.

        Args:
            image: RGB.
            by: factor of both sides.
            number: number of the picture, for the events.
            bands: a folder for finished rows of tiles. They are used when the same call is repeated after an interruption;
                the result is the same, bit for bit. None stores none.
        Yields:
            Progress after each tile. Close the generator to stop.
        Returns:
            The enlarged picture.
        Raises:
            InvalidRequest: the result would have more than `MAX_UPSCALED_PIXELS`.
            OutOfMemory: the result does not fit into memory.
            OSError: a band cannot be stored.
        """
        check_upscaled_size(image.size, by)
        tile = self.tile
        while True:
            try:
                return (yield from self._passes(image, by, number, tile=tile, bands=bands))
            except (RuntimeError, MemoryError) as error:
                if tile <= MIN_TILE or not is_out_of_memory(error):
                    raise
            free_memory()
            tile //= 2

    def measure_seconds(self, size: tuple[int, int], by: int) -> float:
        """Estimate the seconds that enlarging a picture takes: a part of it of at most `TRIAL` pixels is enlarged twice.

        Args:
            size: width and height of the picture in pixels.
            by: factor of both sides.
        """
        part = Image.new("RGB", (min(size[0], TRIAL), min(size[1], TRIAL)))
        self.run(part, by)  # a warm-up
        started = time.perf_counter()
        self.run(part, by)
        return (time.perf_counter() - started) * size[0] * size[1] / (part.width * part.height)

    def _passes(
        self, image: Image.Image, by: int, number: int, *, tile: int, bands: Path | None
    ) -> Generator[Upscaled, None, Image.Image]:
        """Apply the network as often as necessary."""
        size = (image.width * by, image.height * by)
        for index, factor in enumerate(pass_factors(self.network.scale, by)):
            folder = None if bands is None else bands / f"{index}-{tile}"
            one = TiledUpscale(self.network, image, factor, tile=tile, folder=folder)
            started = time.perf_counter()
            for done in one.run():
                seconds, started = time.perf_counter() - started, time.perf_counter()
                yield Upscaled(picture=number, tile=done, tiles=one.count, seconds=seconds)
            image = one.result
        return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def pass_factors(scale: int, by: int) -> Iterator[int]:
    """Yield the factor by which each application of a network enlarges; the last one may be averaged down.

    Args:
        scale: factor of the network, at least 2.
        by: the requested factor. The product of the factors equals it, or is larger if the network cannot give it.
    """
    grown = 1
    while grown * scale < by:
        grown *= scale
        yield scale
    rest = by // grown
    yield rest if by % grown == 0 and scale % rest == 0 else scale


def check_upscaled_size(size: tuple[int, int], by: int) -> None:
    """Check that a picture can be enlarged.

    Args:
        size: width and height in pixels.
        by: factor of both sides.
    Raises:
        InvalidRequest: the result would have more than `MAX_UPSCALED_PIXELS`.
        OutOfMemory: it does not fit into memory.
    """
    width, height = size[0] * by, size[1] * by
    if width * height > MAX_UPSCALED_PIXELS:
        raise InvalidRequest(
            f"放大 {by} 倍后是 {width}x{height}，超过上限 {MAX_UPSCALED_PIXELS:,} 像素。请减小倍数，或先把图片缩小。",
            f"Enlarged by {by} the picture is {width}x{height}, more than {MAX_UPSCALED_PIXELS:,} pixels. Use a smaller factor, "
            "or reduce the picture first.",
            field="upscale",
        )
    needed, available = upscale_bytes(size, by), memory_available(torch.device("cpu"))
    if available is not None and needed > available:
        raise OutOfMemory(
            f"放大到 {width}x{height} 约需 {needed / GIB:.1f} GB 内存，可用 {available / GIB:.1f} GB。"
            "请减小倍数，或关闭其他程序。",
            f"Enlarging to {width}x{height} needs about {needed / GIB:.1f} GB of memory; {available / GIB:.1f} GB are available. "
            "Use a smaller factor, or close other programs.",
        )
