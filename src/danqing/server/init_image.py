"""Reads and verifies the pictures that clients send."""

import base64
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from danqing.errors import InvalidRequest
from danqing.inputs.image_file import remove_white_space
from danqing.request import Request
from danqing.request.pictures import field_of, picture_sources, replace_pictures
from danqing.server.errors import ApiError
from danqing.server.image_process import check_image
from danqing.server.url_fetch import fetch

DecodingSlot = Callable[[], AbstractContextManager[None]]
ReadLink = Callable[[str], str | None]
"""Returns the picture of a job as a data URI for its path; None for another source."""

_FIELD = "init_image"
_URI = re.compile(r"data:[\w.+/-]{0,100}(?:;[\w=.+-]{1,100}){0,4};base64,")
_URL = re.compile(r"[a-zA-Z][\w+.-]{0,20}://")

# One image is decoded at a time: 40 million pixels take several hundred MB.
_decoding = threading.Lock()
# A slow site cannot occupy every thread.
_fetching = threading.BoundedSemaphore(4)


def with_pictures(
    request: Request,
    *,
    allow_urls: bool,
    slot: DecodingSlot = nullcontext,
    read_link: ReadLink = lambda _: None,
) -> Request:
    """Return a request whose pictures, if there are any, are data URIs that were decoded successfully.

    Args:
        request: valid; pictures are only decoded after all cheaper checks.
        allow_urls: pictures may be https URLs.
        slot: held while a picture is decoded; raises if the service is busy.
        read_link: reads pictures of jobs, which need no check.
    Raises:
        InvalidRequest: a picture cannot be used.
        ServiceBusy: the service accepts no jobs.
    """
    values, uris = request.model_dump(), dict[str, str]()
    for name, source in picture_sources(values).items():
        try:
            uris[name] = read_link(source) or load_init_image(source, allow_urls=allow_urls, slot=slot)
        except InvalidRequest as error:
            raise InvalidRequest(error.zh, error.en, field=field_of(name)) from error
    return request.with_changes(**replace_pictures(values, uris)) if uris else request


def load_init_image(source: str, *, allow_urls: bool, slot: DecodingSlot = nullcontext) -> str:
    """Return a picture as a data URI after decoding it completely.

    Args:
        source: a data URI, plain base64, or an https URL. Files of the server are never opened.
        allow_urls, slot: as for `with_pictures`.
    Raises:
        InvalidRequest: it is none of these, too large, damaged, animated, or not PNG, JPEG or WebP.
        ApiError: 503, too many images are being decoded.
        ServiceBusy: the service accepts no jobs.
    """
    with slot():
        encoded = _read(source, allow_urls=allow_urls)
        with _decoding:
            media_type = check_image(encoded).media_type
    return f"data:{media_type};base64,{encoded}"


def is_transparent(uri: str) -> bool:
    """Return whether a picture that `load_init_image` has returned has transparent parts."""
    head, _, encoded = uri.partition(",")
    if head == "data:image/jpeg;base64":
        return False
    with _decoding:
        return check_image(encoded).transparent


def _read(source: str, *, allow_urls: bool) -> str:
    """Return the image in base64, without white space; whether it is valid is found when it is decoded."""
    if _URL.match(source):
        if not allow_urls:
            raise _error("这个服务不接受网址", "URLs are not accepted by this service")
        return base64.b64encode(_fetch(source)).decode()
    if found := _URI.match(source):
        return remove_white_space(source[found.end() :])
    if len(source) > 64:
        return remove_white_space(source)
    raise _error("请提供 data:image/png;base64,… 或 base64", "send data:image/png;base64,… or base64")


def _fetch(url: str) -> bytes:
    if not _fetching.acquire(blocking=False):
        zh, en = "正在下载的底图太多，请稍后再试。", "Too many initial images are being downloaded. Try again shortly."
        raise ApiError(503, "busy", zh, en, retry_after=10)
    try:
        return fetch(url)
    finally:
        _fetching.release()


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(f"图片不能用：{zh}。", f"The picture cannot be used: {en}.", field=_FIELD)
