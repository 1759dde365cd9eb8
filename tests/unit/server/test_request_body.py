"""Bodies are read strictly."""

import json

import pytest

from danqing.server.errors import ApiError
from danqing.server.request_body import parse_json


def test_an_object_is_read() -> None:
    assert parse_json('{"prompts": ["远山", "😀"], "eta": 0.5}'.encode()) == {"prompts": ["远山", "😀"], "eta": 0.5}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xfa",
        b'{"eta": NaN}',
        b'{"eta": Infinity}',
        b'{"eta": -Infinity}',
        b'{"eta": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{'prompts': 1}",
    ],
)
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert (caught.value.status, caught.value.code) == (400, "not_json")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"a"'])
def test_what_is_not_an_object(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert caught.value.status == 422


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "远\ud83d"])
@pytest.mark.parametrize("shape", ["value", "name", "deep"])
def test_what_is_not_text(text: str, shape: str) -> None:
    values: dict[str, object] = {"value": {"a": text}, "name": {text: 1}, "deep": {"a": [1, {"b": [text]}]}}
    with pytest.raises(ApiError) as caught:
        parse_json(json.dumps(values[shape]).encode())
    assert (caught.value.status, caught.value.code) == (422, "not_text")
