"""A caller's values become a request that may wait in the queue: names, limits, and a start picture that is really one."""

import base64
import binascii
import re
import threading
from collections.abc import Mapping

from danqing.errors import InvalidRequest
from danqing.inputs.image_file import decode_image, read_header
from danqing.request import Request, read_request
from danqing.request.validation import unknown_field_error
from danqing.server.errors import ApiError
from danqing.server.url_fetch import fetch

SERVER_ONLY_FIELDS = frozenset({"device", "dtype", "memory"})
"""Fields that the server decides, not its callers."""
FIELDS = tuple(name for name in Request.model_fields if name not in SERVER_ONLY_FIELDS)
"""Fields that a caller may give."""

_NAME = "init_image"
_URI = re.compile(r"data:[\w.+/-]*(;[\w=.+-]+)*;base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")

# One picture is decoded at a time: one of 40 million pixels takes 120 MB.
_decoding = threading.Lock()
# A slow site may hold a few threads, not all.
_fetching = threading.BoundedSemaphore(4)


def parse_request(values: Mapping[str, object], *, allow_urls: bool) -> Request:
    """The request that a caller asks for.

    Args:
        values: fields of `Request`, as JSON brought them.
        allow_urls: whether a start picture may be fetched.
    Returns:
        a request in which only the given fields are set; its start picture, if any, is a data URI that can be read.
    Raises:
        InvalidRequest: what is wrong, and what would be right.
    """
    for name in values:
        if name in SERVER_ONLY_FIELDS:
            raise InvalidRequest(
                f"{name} 由服务器决定，请不要给。", f"The server decides {name}; leave it out.", field=name
            )
        if name not in FIELDS:
            raise unknown_field_error(name, FIELDS)
    source = values.get("init_image")
    if isinstance(source, str) and source:
        values = {**values, "init_image": load_init_image(source, allow_urls=allow_urls)}
    return read_request(values)


def load_init_image(source: str, *, allow_urls: bool) -> str:
    """A start picture as a data URI that is known to be whole.

    Args:
        source: a data URI, plain base64, or an https address. Never a path: no file of the server is opened.
        allow_urls: whether an address is fetched.
    Raises:
        InvalidRequest: it is none of these, too large, damaged, animated, or not PNG, JPEG or WebP.
    """
    if re.match(r"[a-zA-Z][\w+.-]*://", source):
        if not allow_urls:
            raise _refused("这里不取网址", "addresses are not fetched here")
        data = _fetch(source)
    elif found := _URI.match(source):
        data = _decode_base64(source[found.end() :])
    elif len(source) > 64 and _BASE64.fullmatch(source):
        data = _decode_base64(source)
    else:
        raise _refused("要 data:image/png;base64,… 或 base64", "give data:image/png;base64,… or base64")
    return f"data:{_verify_image(data)};base64,{base64.b64encode(data).decode()}"


def _fetch(url: str) -> bytes:
    if not _fetching.acquire(blocking=False):
        zh, en = "正在取的底图太多，请稍后再试。", "Too many start pictures are being fetched; try again shortly."
        raise ApiError(503, "busy", zh, en, retry_after=10)
    try:
        return fetch(url)
    finally:
        _fetching.release()


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("不是 base64", "it is not base64") from error


def _verify_image(data: bytes) -> str:
    """Return the media type of a picture after decoding all of it; its header is checked first, which costs nothing."""
    header = read_header(data, _NAME)
    with _decoding:
        decode_image(data, _NAME)
    return header.media_type


def _refused(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(f"底图不能用：{zh}。", f"The start picture cannot be used: {en}.", field="init_image")
