"""One connection: what an address says of a file, and its bytes into the part that is here already."""

import re
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from danqing.zoo.part import Part
from danqing.zoo.spec import Published

Report = Callable[[int, int | None], None]
"""Told the bytes that are here and the bytes in all, again and again; an exception from it stops the download."""

_BLOCK = 1 << 18


class Refused(Exception):
    """This address does not have the file."""


class Broken(Exception):
    """This address may work another time, after `wait` seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def receive(url: str, file: Published, part: Part, *, report: Report, seconds: float) -> None:
    """Ask one address once; on return the file is whole, checked, and has its name.

    Args:
        url: http or https.
        file: what is wanted.
        part: what has arrived so far; it grows even if the connection breaks.
        report: hears of progress.
        seconds: how long to wait for a connection, or for the next byte.
    Raises:
        Refused: this address does not have the file.
        Broken: the connection broke, or the server is busy.
        StorageError: the disk is full.
    """
    total = file.size
    try:
        with cast("HTTPResponse", build_opener().open(_request(url, file, part), timeout=seconds)) as answer:
            total = _start(url, answer, file, part)
            _read(answer, part, total=total, report=report)
    except HTTPError as error:
        _explain(error, file, part)
    except (OSError, HTTPException) as error:
        raise Broken(_brief(error)) from error
    if total is not None and part.size < total:
        raise Broken(f"在 {part.size}/{total} 字节处断开 broke off there")
    _accept(url, file, part, total)


def _request(url: str, file: Published, part: Part) -> Request:
    """Ask for what is lacking: with a checksum from any address, else only from the same, if the file is the same."""
    headers = {"User-Agent": "danqing", "Accept-Encoding": "identity"}
    validator = part.validator(url)
    if part.size and (file.sha256 or validator):
        headers["Range"] = f"bytes={part.size}-"
        if file.sha256 is None and validator:
            headers["If-Range"] = validator
    return Request(url, headers=headers)


def _start(url: str, answer: HTTPResponse, file: Published, part: Part) -> int | None:
    """Put the answer where the part goes on; returns the bytes in all, where they are known."""
    if answer.headers.get_content_type() == "text/html":
        raise Refused("是网页，不是文件 a web page, not the file")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("经过压缩 compressed on the way")
    first, said = _extent(answer)
    if None not in (file.size, said) and file.size != said:
        raise Refused(f"大小不对 wrong size: {said} ≠ {file.size}")
    total = file.size if said is None else said
    if part.size and not first and file.sha256 is None:
        part.clear()  # by now it is another file
    if first > part.size:
        raise Refused(f"从 {first} 字节给起 begins at that byte")
    if total is not None:
        part.make_room(total)
    if not part.size:
        part.begin(url, _validator(answer))
    _skip(answer, part.size - first)
    return total


def _read(answer: HTTPResponse, part: Part, *, total: int | None, report: Report) -> None:
    while block := answer.read1(_BLOCK):
        if total is not None and part.size + len(block) > total:
            part.clear()
            raise Refused(f"比 {total} 字节长 longer than that")
        part.add(block)
        report(part.size, total)


def _skip(answer: HTTPResponse, count: int) -> None:
    """Read over bytes that are here already: this server sends a file only from its beginning."""
    while count > 0:
        block = answer.read1(min(count, _BLOCK))
        if not block:
            raise Broken("断开 broke off")
        count -= len(block)


def _explain(error: HTTPError, file: Published, part: Part) -> None:
    """Say what a status means. 416 means that the part ends where the file ends, or that it is worth nothing."""
    reason = f"HTTP {error.code}"
    if error.code == 416:
        if part.sha256 != file.sha256:
            part.clear()
            raise Broken(reason) from error
    elif error.code in (408, 425, 429) or error.code >= 500:
        wait = error.headers.get("Retry-After", "")
        raise Broken(reason, float(wait) if wait.isdecimal() else 0.0) from error
    else:
        raise Refused(reason) from error


def _accept(url: str, file: Published, part: Part, total: int | None) -> None:
    """Give the file its name if it is the right one."""
    if file.sha256 is None and total is None:
        part.clear()
        raise Refused("没有说文件有多长 does not say how long the file is")
    if file.sha256 not in (None, part.sha256):
        surely = part.pure == url and total is not None
        part.clear()
        raise (Refused if surely else Broken)("校验和不符 wrong checksum")
    part.finish()


def _extent(answer: HTTPResponse) -> tuple[int, int | None]:
    """The first byte that an answer carries, and the bytes of the whole file."""
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if found is None:
            raise Refused("Content-Range?")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _validator(answer: HTTPResponse) -> str | None:
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified")


def _brief(error: BaseException) -> str:
    said = getattr(error, "reason", None) or error
    return " ".join(str(said).split())[:120] or type(error).__name__
