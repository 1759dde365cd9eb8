"""Converts the fields that a client sends into a `Request`, with the init image verified."""

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from danqing.errors import InvalidRequest
from danqing.inputs.image_file import decode_image, read_header
from danqing.request import Request, read_request
from danqing.request.validation import unknown_field_error
from danqing.server.errors import ApiError
from danqing.server.fields import FIELDS, SERVER_ONLY_FIELDS
from danqing.server.url_fetch import fetch

DecodingSlot = Callable[[], AbstractContextManager[None]]

_FIELD = "init_image"
_URI = re.compile(r"data:[\w.+/-]{0,100}(?:;[\w=.+-]{1,100}){0,4};base64,")
_URL = re.compile(r"[a-zA-Z][\w+.-]{0,20}://")
_MAX_NAME = 60

# One image is decoded at a time: 40 million pixels take 120 MB.
_decoding = threading.Lock()
# A slow site cannot occupy every thread.
_fetching = threading.BoundedSemaphore(4)


def parse_request(values: Mapping[str, object], *, allow_urls: bool, slot: DecodingSlot = nullcontext) -> Request:
    """Read a request.

    The checks that cost little come first: an init image is only decoded if the fields are valid and the queue has room.

    Args:
        values: fields of `Request` as JSON values.
        allow_urls: init images may be https URLs.
        slot: held while an init image is decoded; raises if the service is busy.
    Returns:
        A request with only the given fields set. An init image is a data URI that was decoded successfully.
    Raises:
        InvalidRequest: a field is unknown, reserved or invalid.
        ServiceBusy: the service accepts no jobs.
    """
    for name in values:
        if name in SERVER_ONLY_FIELDS:
            raise InvalidRequest(
                f"{name} 由服务器决定，请不要指定。", f"{name} is set by the server and cannot be given.", field=name
            )
        if name not in FIELDS:
            raise unknown_field_error(name[:_MAX_NAME], FIELDS)
    source = values.get(_FIELD)
    if not (isinstance(source, str) and source):
        return read_request(values)
    read_request({**values, _FIELD: None})
    return read_request({**values, _FIELD: load_init_image(source, allow_urls=allow_urls, slot=slot)})


def load_init_image(source: str, *, allow_urls: bool, slot: DecodingSlot = nullcontext) -> str:
    """Return an init image as a data URI after decoding it completely.

    Args:
        source: a data URI, plain base64, or an https URL. Files of the server are never opened.
        allow_urls, slot: as for `parse_request`.
    Raises:
        InvalidRequest: it is none of these, too large, damaged, animated, or not PNG, JPEG or WebP.
        ApiError: 503, too many images are being decoded.
        ServiceBusy: the service accepts no jobs.
    """
    with slot():
        data = _read(source, allow_urls=allow_urls)
        header = read_header(data, _FIELD)
        with _decoding:
            decode_image(data, _FIELD)
    return f"data:{header.media_type};base64,{base64.b64encode(data).decode()}"


def _read(source: str, *, allow_urls: bool) -> bytes:
    if _URL.match(source):
        if not allow_urls:
            raise _error("这个服务不接受网址", "URLs are not accepted by this service")
        return _fetch(source)
    if found := _URI.match(source):
        return _decode_base64(source[found.end() :])
    if len(source) > 64:
        return _decode_base64(source)
    raise _error("请提供 data:image/png;base64,… 或 base64", "send data:image/png;base64,… or base64")


def _fetch(url: str) -> bytes:
    if not _fetching.acquire(blocking=False):
        zh, en = "正在下载的底图太多，请稍后再试。", "Too many init images are being downloaded. Try again shortly."
        raise ApiError(503, "busy", zh, en, retry_after=10)
    try:
        return fetch(url)
    finally:
        _fetching.release()


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _error("不是有效的 base64", "it is not valid base64") from error


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(f"底图不能用：{zh}。", f"The init image cannot be used: {en}.", field=_FIELD)
