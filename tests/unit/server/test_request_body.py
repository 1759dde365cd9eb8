"""Reading JSON bodies: strict, and in linear time."""

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from danqing.server import request_body
from danqing.server.errors import ApiError
from danqing.server.request_body import LARGE, MAX_TEXT_PARTS, MAX_VALUES, parse_json
from tests.serving import QUICK


def test_an_object_is_parsed() -> None:
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
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b"{'prompts': 1}",
        b'{"prompts": "\\ud800"}',
    ],
)
def test_invalid_json_is_rejected_with_400(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert (caught.value.status, caught.value.code) == (400, "not_json")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"a"'])
def test_json_that_is_not_an_object_is_rejected_with_422(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert caught.value.status == 422


@pytest.mark.parametrize("body", [b"[" + b"0," * 200_000 + b"0]", b'{"a":[' + b"{}," * 100_000 + b"{}]}"])
def test_a_body_with_too_many_values_is_rejected_before_parsing(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert caught.value.status == 413


@pytest.mark.parametrize("extra", [0, 1])
def test_each_value_of_a_large_body_is_counted_once(extra: int) -> None:
    numbers = MAX_VALUES - 3 + extra  # besides a brace, a colon and a bracket
    body = b'{"a":[' + b"0 ," * numbers + b"0]}"
    assert len(body) > LARGE
    if not extra:
        assert parse_json(body) == {"a": [0] * (numbers + 1)}
        return
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert caught.value.status == 413


@pytest.mark.parametrize("text", ["山".encode(), b"\\n", b"\\u5c71"])
def test_a_body_with_much_text_is_rejected_before_parsing(text: bytes) -> None:
    body = b'{"prompts": "' + text * ((MAX_TEXT_PARTS + 2) * LARGE // len(text)) + b'"}'
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert (caught.value.status, caught.value.code) == (413, "too_large")


@pytest.mark.parametrize("line", ["/" + "A" * 63, "A" * 76 + "\n", "/" + "A" * 75 + "\r\n"])
def test_a_picture_with_line_breaks_and_escaped_slashes_is_no_text(line: str) -> None:
    picture = line * ((MAX_TEXT_PARTS + 2) * LARGE // len(line))
    body = json.dumps({"prompts": "山", "init_image": picture}, ensure_ascii=False).replace("/", "\\/")
    assert parse_json(body.encode()) == {"prompts": "山", "init_image": picture}


@pytest.mark.parametrize("offset", range(7))
def test_a_nul_character_anywhere_in_a_large_body_is_rejected(offset: int) -> None:
    head = b'{"prompts": "'
    with pytest.raises(ApiError) as caught:
        parse_json(head + b"a" * (LARGE - len(head) - offset) + b'\\u0000"}')
    assert (caught.value.status, caught.value.code) == (422, "not_text")


def test_only_large_bodies_are_parsed_in_a_thread(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    read, threads = request_body.read_json, list[bool]()

    def noted(*arguments: Any) -> dict[str, object]:
        threads.append(threading.current_thread().name.startswith("parsing"))
        return read(*arguments)

    monkeypatch.setattr(request_body, "read_json", noted)
    codes = [client.post("/v1/jobs", json={**QUICK, "prompts": "山" * size}).status_code for size in (1, LARGE)]
    assert codes == [202, 422]
    assert threads == [False, True]


def test_a_nul_character_is_rejected_with_422() -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(b'{"prompts": "a\\u0000b"}')
    assert (caught.value.status, caught.value.code) == (422, "not_text")


def test_bodies_are_validated_one_at_a_time_with_the_event_loop_free_in_between(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, count = request_body.read_json, 0

    def counted(*arguments: Any) -> dict[str, object]:
        nonlocal count
        count += 1
        return read(*arguments)

    monkeypatch.setattr(request_body, "read_json", counted)
    steps: list[int] = []

    async def watch(ended: asyncio.Event) -> None:
        while not ended.is_set():
            before = count
            await asyncio.sleep(0)
            steps.append(count - before)

    async def post_many() -> list[int]:
        ended = asyncio.Event()
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as caller:
            watching = asyncio.create_task(watch(ended))
            replies = await asyncio.gather(*[caller.post("/v1/jobs", json=QUICK) for _ in range(20)])
            ended.set()
            await watching
        return [reply.status_code for reply in replies]

    codes = asyncio.run(post_many())
    assert sorted(codes) == [202] * 2 + [503] * 18, "two jobs may wait"
    assert (sum(steps), max(steps)) == (20, 1)
