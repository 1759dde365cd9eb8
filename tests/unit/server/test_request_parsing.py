"""A caller's values become a request, or are refused with a sentence."""

import io
from pathlib import Path

import pytest
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.server.errors import ApiError
from danqing.server.request_parsing import load_init_image, parse_request
from tests.hostile import PATHS, SSRF, data_uri, huge_png, long_film, odd_pictures, text_bomb


def picture(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), "teal").save(buffer, kind)
    return buffer.getvalue()


def test_fields_are_those_of_a_request() -> None:
    request = parse_request({"prompts": "远山", "steps": 5, "size": "64x128"}, allow_urls=False)
    assert (request.prompts, request.steps, request.size) == (("远山",), 5, (64, 128))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prompts": "远山", "device": "cuda"}, "device"),
        ({"prompts": "远山", "dtype": "float16"}, "dtype"),
        ({"prompts": "远山", "stpes": 5}, "stpes"),
        ({"prompts": "远山", "output_dir": "/tmp"}, "output_dir"),
        ({"prompts": "远山", "size": "65x64"}, "size"),
        ({"prompts": "远" * 2001}, "prompts"),
        ({"prompts": ["远"] * 21}, "prompts"),
        ({"prompts": "远山", "cut_overview": "[1]*" + "9" * 900}, "cut_overview"),
        ({"prompts": "远山", "cut_overview": "__import__('os').getcwd()"}, "cut_overview"),
        ({"prompts": "远山", "init_image": 5}, "init_image"),
        ({}, "prompts"),
    ],
)
def test_what_is_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(values, allow_urls=False)
    assert caught.value.field == field


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_start_picture_is_kept_as_it_came(kind: str) -> None:
    uri = data_uri(picture(kind), f"image/{kind.lower()}")
    assert load_init_image(uri, allow_urls=False) == uri
    plain = uri.partition(",")[2]
    assert load_init_image(plain, allow_urls=False) == uri
    assert load_init_image(data_uri(picture(kind), "text/html"), allow_urls=False) == uri


@pytest.mark.parametrize("name", odd_pictures())
def test_what_is_no_whole_picture(name: str) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(data_uri(odd_pictures()[name]), allow_urls=False)


@pytest.mark.parametrize("bomb", [huge_png(), huge_png(7000), text_bomb(64 * 2**20), long_film(200)], ids=len)
def test_bombs_are_not_unpacked(bomb: bytes) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(data_uri(bomb), allow_urls=False)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_is_opened(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("000.png", "con.png"):
        (tmp_path / name).write_bytes(picture())
    with pytest.raises(InvalidRequest):
        load_init_image(path, allow_urls=False)


@pytest.mark.parametrize("url", [*SSRF, "https://example.com/a.png"])
def test_no_address_is_fetched_unless_that_is_allowed(url: str) -> None:
    with pytest.raises(InvalidRequest):
        load_init_image(url.format(port=1), allow_urls=False)


def test_only_a_few_addresses_are_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fetch begins another one, until there are too many."""
    depth: list[int] = []

    def fetch_more(_: str) -> bytes:
        depth.append(1)
        load_init_image("https://example.com/a.png", allow_urls=True)
        return b""

    monkeypatch.setattr("danqing.server.request_parsing.fetch", fetch_more)
    with pytest.raises(ApiError) as caught:
        load_init_image("https://example.com/a.png", allow_urls=True)
    assert (len(depth), caught.value.status) == (4, 503)
