"""Enlarging in tiles: equal to the whole picture, bounded memory, progress, interruption, bad input."""

import subprocess
import sys
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from danqing.errors import InvalidRequest, OutOfMemory
from danqing.events import Upscaled
from danqing.models.load_upscaler import UpscaleNetwork
from danqing.models.srvgg_compact import CompactConfig
from danqing.pipeline import upscale
from danqing.pipeline.tiles import FADE, tile_spans, upscale_bytes
from danqing.pipeline.upscale import MIN_TILE, Upscaler, check_upscaled_size, pass_factors
from tests.tiny_upscaler import tiny_compact, tiny_upscaler

WHOLE = 10_000


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def difference(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max())


@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 100),
    st.integers(1, 100),
    st.sampled_from([32, 33, 64]),
    st.sampled_from([2, 4]),
    st.sampled_from([2, 3, 4]),
)
def test_tiles_give_the_same_pixels_as_the_whole_picture(
    width: int, height: int, tile: int, by: int, scale: int
) -> None:
    config = CompactConfig(6, 2, scale)
    whole, tiled = (tiny_upscaler(config, tile=side).run(noise(width, height), by) for side in (WHOLE, tile))
    assert whole.size == tiled.size == (width * by, height * by)
    assert difference(whole, tiled) <= 1


@given(st.integers(1, 5000), st.integers(MIN_TILE, 600), st.integers(0, 40))
def test_tiles_cover_a_side_and_only_neighbours_overlap(length: int, tile: int, radius: int) -> None:
    spans = tile_spans(length, tile, radius)
    assert (spans[0].left, spans[0].fade, spans[-1].right) == (0, 0, length)
    for span in spans:
        assert 0 <= span.start <= span.left < span.right <= span.end <= length
        assert span.end - span.start <= tile + 2 * (FADE + radius) + 1
        assert span.left == 0 or span.left - span.start in (radius, span.left)
    for one, following in pairwise(spans):
        assert following.left + following.fade == min(one.right, length)
        assert following.fade == 2 * FADE or one.right == length
    for one, third in zip(spans, spans[2:], strict=False):
        assert one.right <= third.left


def test_a_network_that_looks_everywhere_leaves_no_border() -> None:
    def by_mean(image: torch.Tensor) -> torch.Tensor:
        return image.mean((1, 2, 3), keepdim=True).expand(1, 3, 4 * image.shape[2], 4 * image.shape[3])

    module = tiny_compact()
    upscaler = Upscaler("mean", UpscaleNetwork(module, by_mean, 4, 0, "mean"), 32)
    ramp = Image.linear_gradient("L").convert("RGB")  # 256x256
    large = np.asarray(upscaler.run(ramp, 4)).astype(int)
    assert np.abs(np.diff(large[:, 0, 0])).max() <= 3  # the levels of two tiles differ by 32
    assert large.max() - large.min() > 150


@given(st.integers(2, 8), st.sampled_from([2, 4]))
def test_the_passes_reach_the_factor(scale: int, by: int) -> None:
    factors = list(pass_factors(scale, by))
    product = int(np.prod(factors))
    assert product >= by
    assert all(scale % factor == 0 for factor in factors)
    assert product == by or (scale not in (2, 4, 8))


def test_each_tile_is_reported() -> None:
    events: list[Upscaled] = []
    tiny_upscaler(tile=32).run(noise(100, 70), 4, on_progress=events.append)
    assert [(event.tile, event.tiles) for event in events] == [(number, 12) for number in range(1, 13)]


def _stop_after(count: int) -> Generator[None, Upscaled, None]:
    for _ in range(count):
        yield
    raise KeyboardInterrupt


def test_an_interrupted_picture_continues_with_the_same_pixels(tmp_path: Path) -> None:
    image, upscaler = noise(100, 130), tiny_upscaler(tile=32)
    whole = upscaler.run(image, 4)
    bands = tmp_path / "bands"
    stop = _stop_after(10)
    with pytest.raises(KeyboardInterrupt):
        upscaler.run(image, 4, bands=bands, on_progress=lambda _: next(stop))
    finished = sorted(file.name for file in bands.rglob("*.png"))
    assert finished == ["0000.png", "0001.png"]
    (bands / "0-32" / "0001.png").write_bytes(b"damaged")
    events: list[Upscaled] = []
    assert difference(upscaler.run(image, 4, bands=bands, on_progress=events.append), whole) == 0
    assert [event.tile for event in events] == [4, *range(5, 21)]


def test_smaller_tiles_are_used_when_memory_runs_out() -> None:
    network = tiny_compact()
    largest: list[int] = []

    def enlarge(image: torch.Tensor) -> torch.Tensor:
        if image.shape[-1] > 90:
            raise RuntimeError("not enough memory: you tried to allocate 1 bytes")
        largest.append(image.shape[-1])
        return network(image)

    upscaler = Upscaler("x", UpscaleNetwork(network, enlarge, 4, 4, "Compact"), 128)
    image = noise(120, 40)
    assert difference(upscaler.run(image, 4), tiny_upscaler(tile=WHOLE).run(image, 4)) <= 1
    assert max(largest) > 32


def test_a_picture_that_would_become_too_large_is_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match="300,000,000") as error:
        check_upscaled_size((6000, 4000), 4)
    assert "24000x16000" in error.value.zh
    check_upscaled_size((4096, 4096), 4)

    def little(_: torch.device) -> int:
        return 2**28

    monkeypatch.setattr(upscale, "memory_available", little)
    with pytest.raises(OutOfMemory, match="4096x4096"):
        tiny_upscaler().run(noise(1024, 1024), 4)


MEASURE = """
import resource, torch
from PIL import Image
from danqing.models.srvgg_compact import Compact, CompactConfig
from danqing.models.load_upscaler import UpscaleNetwork
from danqing.pipeline.tiles import upscale_bytes
from danqing.pipeline.upscale import Upscaler
torch.set_num_threads(1)
network = Compact(CompactConfig({channels}, {convolutions}, 4)).eval()
upscaler = Upscaler("x", UpscaleNetwork(network, network, 4, network.config.radius, "Compact"))
upscaler.run(Image.new("RGB", (8, 8)), 4)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
large = upscaler.run(Image.new("RGB", ({side}, {side})), 4)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024, upscale_bytes(({side}, {side}), 4))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_the_memory_of_a_large_picture_stays_below_the_bound() -> None:
    code = MEASURE.format(channels=64, convolutions=1, side=512)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    used, bound = map(int, output.split())
    assert used < bound < 280 * 2**20


def test_the_bound_for_a_large_picture_is_the_documented_one() -> None:
    assert upscale_bytes((1024, 1024), 4) < 320 * 2**20
