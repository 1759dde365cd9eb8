"""Initial images from uploads and URLs."""

import io
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.server.errors import ApiError
from danqing.server.init_image import load_init_image
from tests.malicious_inputs import PATHS, SSRF, data_uri, huge_png, long_film, odd_pictures, text_bomb

pytestmark = pytest.mark.slow


def picture(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), "teal").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_init_image_is_kept_unchanged(kind: str) -> None:
    uri = data_uri(picture(kind), f"image/{kind.lower()}")
    assert load_init_image(uri, allow_urls=False) == uri
    plain = uri.partition(",")[2]
    assert load_init_image(plain, allow_urls=False) == uri
    assert load_init_image(data_uri(picture(kind), "text/html"), allow_urls=False) == uri


def test_white_space_in_base64_is_removed() -> None:
    uri = data_uri(picture())
    head, _, encoded = uri.partition(",")
    lines = "\r\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    assert load_init_image(f"{head}, {lines}\t\n", allow_urls=False) == uri


def test_a_picture_that_is_mostly_white_space_takes_little_memory() -> None:
    uri = "data:image/png;base64," + "A " * 4_000_000
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest):
            load_init_image(uri, allow_urls=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(uri)


@pytest.mark.parametrize("name", odd_pictures())
def test_a_damaged_or_unsupported_image_is_rejected(name: str) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(data_uri(odd_pictures()[name]), allow_urls=False)


@pytest.mark.parametrize("bomb", [huge_png(), huge_png(7000), text_bomb(64 * 2**20), long_film(200)], ids=len)
def test_decompression_bombs_are_rejected(bomb: bytes) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(data_uri(bomb), allow_urls=False)


@pytest.mark.parametrize("path", PATHS)
def test_files_of_the_server_are_not_opened(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("000.png", "con.png"):
        (tmp_path / name).write_bytes(picture())
    with pytest.raises(InvalidRequest):
        load_init_image(path, allow_urls=False)


@pytest.mark.parametrize("url", [*SSRF, "https://example.com/a.png"])
def test_urls_are_not_fetched_unless_allowed(url: str) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(url.format(port=1), allow_urls=False)


def test_only_four_urls_are_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fetch starts another one until the limit is reached."""
    depth: list[int] = []

    def fetch_more(_: str) -> bytes:
        depth.append(1)
        load_init_image("https://example.com/a.png", allow_urls=True)
        return b""

    monkeypatch.setattr("danqing.server.init_image.fetch", fetch_more)
    with pytest.raises(ApiError) as caught:
        load_init_image("https://example.com/a.png", allow_urls=True)
    assert (len(depth), caught.value.status) == (4, 503)


def test_an_image_that_takes_too_long_to_decode_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JPEG of millions of empty segments, which Pillow reads one by one."""
    monkeypatch.setattr("danqing.server.image_process.TIME_LIMIT", 0.5)
    with pytest.raises(InvalidRequest, match="时间或内存"):
        load_init_image(data_uri(b"\xff\xd8" + b"\xff\xfe\x00\x02" * 2_000_000), allow_urls=False)


def test_a_crash_of_the_decoder_rejects_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danqing.server.image_process.sys.executable", "/bin/false")
    with pytest.raises(InvalidRequest, match="时间或内存"):
        load_init_image(data_uri(picture()), allow_urls=False)
