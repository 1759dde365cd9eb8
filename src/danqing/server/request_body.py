"""The bodies of requests, read strictly: bounded in bytes and time, finite numbers, whole characters."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request

from danqing.server.dependencies import Service, service_of
from danqing.server.errors import Refusal

PATIENCE = 60.0
"""Seconds within which a body must have arrived."""
LARGE = 256 * 1024
"""From this size on a body needs one of the few places for large ones, so that many at once cannot fill the memory."""


async def read_bytes(request: Request, service: Annotated[Service, Depends(service_of)]) -> bytes:
    """The body of a request.

    Raises:
        Refusal: 413 too large, 408 too slow, 503 too many large ones at once.
    """
    chunks: list[bytes] = []
    size, held = 0, False
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                size += len(chunk)
                if size > service.limits.body:
                    raise too_large(service.limits.body)
                if size > LARGE and not held:
                    held = service.large_bodies.take()
                chunks.append(chunk)
        return b"".join(chunks)
    except TimeoutError as error:
        raise Refusal(
            408, "too_slow", "请求送得太慢，请重试。", "The request took too long to arrive; try again."
        ) from error
    finally:
        if held:
            service.large_bodies.give_back()


def read_json(body: Annotated[bytes, Depends(read_bytes)]) -> dict[str, object]:
    """The JSON object in a body.

    Raises:
        Refusal: 400 where it is not JSON, 422 where it is not an object or holds what is not text.
    """
    return parse(body)


Payload = Annotated[dict[str, object], Depends(read_json)]


def parse(body: bytes) -> dict[str, object]:
    """Read JSON more strictly than Python does: no NaN or infinity, no NUL, no half of a surrogate pair.

    Raises:
        Refusal: as `read_json`.
    """
    try:
        value: object = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            400, "not_json", "请求体不是 JSON。请检查引号和逗号。", "The body is not JSON. Check quotes and commas."
        ) from error
    if not isinstance(value, dict):
        raise Refusal(
            422,
            "not_an_object",
            '请求体要是一个 JSON 对象，例如 {"prompts": "远山"}。',
            'The body must be a JSON object, for example {"prompts": "远山"}.',
        )
    if any(not _is_text(text) for text in _texts(cast("object", value))):
        raise Refusal(
            422,
            "not_text",
            "请求里有不是文字的字符（空字符或残缺的编码）。",
            "The request holds characters that are not text (NUL or half of a surrogate pair).",
        )
    return cast("dict[str, object]", value)


def too_large(limit: int) -> Refusal:
    """The refusal of a body above the limit in bytes."""
    zh, en = f"请求体太大，最多 {limit >> 20} MB。", f"The body is too large; at most {limit >> 20} MB are read."
    return Refusal(413, "too_large", zh, en)


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pairs = cast("dict[str, object]", item)
            yield from pairs
            waiting.extend(pairs.values())
        elif isinstance(item, list):
            waiting.extend(cast("list[object]", item))


def _is_text(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number
