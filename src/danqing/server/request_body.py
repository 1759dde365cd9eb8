"""Reads request bodies strictly: limited size and time, finite numbers, valid Unicode text."""

import asyncio
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, cast

from fastapi import Depends, Request

from danqing.server.dependencies import ContextDep, limited
from danqing.server.errors import ApiError, too_large

BODY_TIMEOUT = 60.0
"""Seconds within which a body must arrive."""
LARGE = 256 * 1024
"""Bodies of at least this many bytes use one of a few slots, so that many at once cannot exhaust the memory."""


async def read_bytes(request: Request, context: ContextDep) -> bytes:
    """Read the body of a request.

    Raises:
        ApiError: 413 too large, 408 too slow, 503 too many large bodies at once.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        with ExitStack() as slot:
            async with asyncio.timeout(BODY_TIMEOUT):
                async for chunk in request.stream():
                    if size <= LARGE < size + len(chunk):
                        slot.enter_context(limited(context.large_bodies))
                    size += len(chunk)
                    if size > context.limits.body:
                        raise too_large(context.limits.body)
                    chunks.append(chunk)
            return b"".join(chunks)
    except TimeoutError as error:
        zh, en = "请求体传输超时，请重试。", "The request body took too long to arrive. Try again."
        raise ApiError(408, "too_slow", zh, en) from error


def read_json(request: Request, body: Annotated[bytes, Depends(read_bytes)]) -> dict[str, object]:
    """Read the JSON object in a body.

    Raises:
        ApiError: 415 if the Content-Type is not JSON, 400 if it is not JSON, 422 if it is not an object of valid text.
    """
    if not is_json(request.headers.get("content-type", "")):
        zh = "请求体须为 JSON，并带请求头 Content-Type: application/json。"
        en = "The body must be JSON with the header Content-Type: application/json."
        raise ApiError(415, "not_json", zh, en)
    return parse_json(body)


Payload = Annotated[dict[str, object], Depends(read_json)]


def is_json(content_type: str) -> bool:
    """Return True for the media type of JSON."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def parse_json(body: bytes) -> dict[str, object]:
    """Parse a JSON object more strictly than Python: no NaN or infinity, no NUL, no unpaired surrogate.

    Raises:
        ApiError: as for `read_json`.
    """
    try:
        value: object = json.loads(body, parse_constant=_reject_constant, parse_float=_parse_finite)
    except (ValueError, RecursionError) as error:
        zh, en = "请求体不是 JSON。请检查引号和逗号。", "The body is not valid JSON. Check quotes and commas."
        raise ApiError(400, "not_json", zh, en) from error
    if not isinstance(value, dict):
        raise ApiError(
            422,
            "not_an_object",
            '请求体须为 JSON 对象，例如 {"prompts": "远山"}。',
            'The body must be a JSON object, for example {"prompts": "远山"}.',
        )
    if any(not _is_valid_text(text) for text in _texts(cast("object", value))):
        raise ApiError(
            422,
            "not_text",
            "请求含有无效字符（空字符或不完整的编码）。",
            "The request contains invalid characters (NUL or an unpaired surrogate).",
        )
    return cast("dict[str, object]", value)


def _texts(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pairs = cast("dict[str, object]", item)
            yield from pairs
            pending.extend(pairs.values())
        elif isinstance(item, list):
            pending.extend(cast("list[object]", item))


def _is_valid_text(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number that is not finite")
    return number
