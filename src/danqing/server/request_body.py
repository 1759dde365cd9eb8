"""Reads request bodies with limits of size, time and structure, before FastAPI validates them."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from danqing.server.dependencies import ContextDep, context_of, limited
from danqing.server.errors import ApiError, too_large

BODY_TIMEOUT = 60.0
"""Seconds within which a body must arrive."""
LARGE = 256 * 1024
"""Bodies of at least this many bytes use one of a few slots, so that many at once cannot exhaust the memory, and are parsed in a
thread."""
MAX_VALUES = 100_000
"""Maximum number of values in a body. Parsing holds up all other requests; this many values take some milliseconds."""
MAX_TEXT_PARTS = 8
"""Maximum number of parts of `LARGE` bytes that contain text: other characters than ASCII, or more than one escape in `TEXT_SHARE`
bytes. Text takes longer to parse than pictures in base64, where every 76th character may be a line break and every 64th an
escaped slash."""
TEXT_SHARE = 16
_NUL = b"\\u0000"


class JsonRoute(APIRoute):
    """A route whose JSON body is read by `read_bytes` and `parse_json`; FastAPI validates the result."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def read_and_handle(request: Request) -> Response:
            context = context_of(request)
            body = await read_bytes(request, context)
            await context.wait_for_turn()  # FastAPI validates the value in the event loop
            if len(body) < LARGE:
                value = read_json(request, body)
            else:
                value = await asyncio.get_running_loop().run_in_executor(context.parsing, read_json, request, body)
            return await handle(_ReadRequest(request, body, value))

        return read_and_handle


class _ReadRequest(Request):
    """A request whose body was read and parsed."""

    def __init__(self, request: Request, body: bytes, value: dict[str, object]) -> None:
        super().__init__(request.scope)
        self._bytes = body
        self._value = value

    async def body(self) -> bytes:
        """Return the body."""
        return self._bytes

    async def json(self) -> dict[str, object]:
        """Return the parsed body."""
        return self._value


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
            if size < LARGE:
                return b"".join(chunks)
            # 15 MB take 40 ms. `join` lets other threads run meanwhile.
            return await asyncio.get_running_loop().run_in_executor(context.parsing, b"".join, chunks)
    except TimeoutError as error:
        zh, en = "请求体传输超时，请重试。", "The request body took too long to arrive. Try again."
        raise ApiError(408, "too_slow", zh, en) from error


BodyDep = Annotated[bytes, Depends(read_bytes)]


def read_json(request: Request, body: bytes) -> dict[str, object]:
    """Parse the body of a request.

    Raises:
        ApiError: 415 if the Content-Type is not JSON; see also `parse_json`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        zh = "请求体须为 JSON，并带请求头 Content-Type: application/json。"
        en = "The body must be JSON with the header Content-Type: application/json."
        raise ApiError(415, "not_json", zh, en)
    return parse_json(body)


def parse_json(body: bytes) -> dict[str, object]:
    """Parse a JSON object in linear time: limited depth, number of values and text, no NaN, no NUL, no unpaired surrogate.

    Raises:
        ApiError: 400 if it is not such JSON, 413 for too many values or too much text, 422 for NUL or if it is not an object.
    """
    has_nul = _check_bytes(body)
    try:
        value: object = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        zh = "请求体不是有效的 JSON。请检查引号、逗号和转义字符。"
        en = "The body is not valid JSON. Check quotes, commas and escaped characters."
        raise ApiError(400, "not_json", zh, en) from error
    if not isinstance(value, dict):
        raise ApiError(
            422,
            "not_an_object",
            '请求体须为 JSON 对象：{"名称": 值, …}。',
            'The body must be a JSON object: {"NAME": VALUE, …}.',
        )
    if has_nul:
        raise ApiError(422, "not_text", "请求含有空字符。", "The request contains a NUL character.")
    return cast("dict[str, object]", value)


def _check_bytes(body: bytes) -> bool:
    """Count the values and the text of a body, and return True if it contains an escaped NUL.

    Other threads, such as the event loop, run between the parts of a large body.

    Raises:
        ApiError: 413 for too many values or too much text.
    """
    values, texts, has_nul = 0, 0, False
    for start in range(0, len(body), LARGE):
        part = body[start : start + LARGE + len(_NUL) - 1]
        values += sum(part.count(separator, 0, LARGE) for separator in (b",", b":", b"[", b"{"))
        texts += not part.isascii() or part.count(b"\\") > LARGE // TEXT_SHARE
        has_nul = has_nul or _NUL in part
        if texts > MAX_TEXT_PARTS:
            zh, en = "请求体中的文字太长，请缩短。", "The texts in the request body are too long. Shorten them."
            raise ApiError(413, "too_large", zh, en)
        if values > MAX_VALUES:
            zh, en = "请求体中的值太多，请减少。", "The request body contains too many values. Send fewer."
            raise ApiError(413, "too_large", zh, en)
    return has_nul
