"""One connection: what an address says of a file, and its bytes into the part that is here already."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from danqing.errors import ModelNotFound
from danqing.storage.lock import file_lock
from danqing.zoo.partial_file import PartialFile
from danqing.zoo.spec import RemoteFile

OnProgress = Callable[[int, int | None], None]
"""Told the bytes that are here and the bytes in all, again and again; an exception from it stops the download."""

_BLOCK = 1 << 18


class UrlRejected(Exception):
    """This address does not have the file."""


class ConnectionBroken(Exception):
    """This address may work another time, after `wait` seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def download_once(url: str, file: RemoteFile, part: PartialFile, *, on_progress: OnProgress, timeout: float) -> None:
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
        with cast("HTTPResponse", build_opener().open(_request(url, file, part), timeout=timeout)) as answer:
            total = _start_response(url, answer, file, part)
            _read_body(answer, part, total=total, report=on_progress)
    except HTTPError as error:
        _raise_for_status(error, file, part)
    except (OSError, HTTPException) as error:
        raise ConnectionBroken(_short_reason(error)) from error
    if total is not None and part.size < total:
        raise ConnectionBroken(f"在 {part.size}/{total} 字节处断开 broke off there")
    _verify_and_finish(url, file, part, total)


def _request(url: str, file: RemoteFile, part: PartialFile) -> Request:
    """Ask for what is lacking: with a checksum from any address, else only from the same, if the file is the same."""
    headers = {"User-Agent": "danqing", "Accept-Encoding": "identity"}
    validator = part.validator(url)
    if part.size and (file.sha256 or validator):
        headers["Range"] = f"bytes={part.size}-"
        if file.sha256 is None and validator:
            headers["If-Range"] = validator
    return Request(url, headers=headers)


def _start_response(url: str, answer: HTTPResponse, file: RemoteFile, part: PartialFile) -> int | None:
    """Put the answer where the part goes on; returns the bytes in all, where they are known."""
    if answer.headers.get_content_type() == "text/html":
        raise UrlRejected("是网页，不是文件 a web page, not the file")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise UrlRejected("经过压缩 compressed on the way")
    first, said = _content_range(answer)
    if None not in (file.size, said) and file.size != said:
        raise UrlRejected(f"大小不对 wrong size: {said} ≠ {file.size}")
    total = file.size if said is None else said
    if part.size and not first and file.sha256 is None:
        part.clear()  # by now it is another file
    if first > part.size:
        raise UrlRejected(f"从 {first} 字节给起 begins at that byte")
    if total is not None:
        part.check_disk_space(total)
    if not part.size:
        part.restart(url, _validator(answer))
    _skip(answer, part.size - first)
    return total


def _read_body(answer: HTTPResponse, part: PartialFile, *, total: int | None, report: OnProgress) -> None:
    while block := answer.read1(_BLOCK):
        if total is not None and part.size + len(block) > total:
            part.clear()
            raise UrlRejected(f"比 {total} 字节长 longer than that")
        part.write(block)
        report(part.size, total)


def _skip(answer: HTTPResponse, count: int) -> None:
    """Read over bytes that are here already: this server sends a file only from its beginning."""
    while count > 0:
        block = answer.read1(min(count, _BLOCK))
        if not block:
            raise ConnectionBroken("断开 broke off")
        count -= len(block)


def _raise_for_status(error: HTTPError, file: RemoteFile, part: PartialFile) -> None:
    """Say what a status means. 416 means that the part ends where the file ends, or that it is worth nothing."""
    reason = f"HTTP {error.code}"
    if error.code == 416:
        if part.sha256 != file.sha256:
            part.clear()
            raise ConnectionBroken(reason) from error
    elif error.code in (408, 425, 429) or error.code >= 500:
        wait = error.headers.get("Retry-After", "")
        raise ConnectionBroken(reason, float(wait) if wait.isdecimal() else 0.0) from error
    else:
        raise UrlRejected(reason) from error


def _verify_and_finish(url: str, file: RemoteFile, part: PartialFile, total: int | None) -> None:
    """Give the file its name if it is the right one."""
    if file.sha256 is None and total is None:
        part.clear()
        raise UrlRejected("没有说文件有多长 does not say how long the file is")
    if file.sha256 not in (None, part.sha256):
        surely = part.single_source == url and total is not None
        part.clear()
        raise (UrlRejected if surely else ConnectionBroken)("校验和不符 wrong checksum")
    part.finish()


def _content_range(answer: HTTPResponse) -> tuple[int, int | None]:
    """The first byte that an answer carries, and the bytes of the whole file."""
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if found is None:
            raise UrlRejected("Content-Range?")
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _validator(answer: HTTPResponse) -> str | None:
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified")


def _short_reason(error: BaseException) -> str:
    said = getattr(error, "reason", None) or error
    return " ".join(str(said).split())[:120] or type(error).__name__


_MAX_BREAKS = 200  # connections to one address that each bring something, before the next address is asked


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a download puts up with bad connections."""

    timeout: float = 3.0
    """Without a connection or a byte in the first round, tripled with each: quick to try the next address, then patient."""
    rounds: int = 3
    """How often every address is asked."""
    pause: float = 1.0
    """Seconds before the second round, doubled with each; a server may ask for more."""
    max_pause: float = 30.0
    """The longest pause that a server gets."""


class DownloadFailed(ModelNotFound):
    """A file could not be had from any address. `tried` holds each address and why it failed."""

    def __init__(self, file: str, tried: Sequence[tuple[str, str]], command: str) -> None:
        shown = "; ".join(f"{url} ({reason})".strip() for url, reason in tried)
        super().__init__(
            f"{file} 没有下载成：{shown}。已收到的部分留着，再运行 {command} 就接着下载；有原始文件时：{command} --from 文件夹。",
            f"{file} could not be downloaded: {shown}. What has arrived is kept: run {command} again to go on, or with the "
            f"original files at hand: {command} --from FOLDER.",
        )
        self.attempts = tuple(tried)


def download_file(
    file: RemoteFile,
    target: Path,
    urls: Sequence[str],
    *,
    command: str,
    on_progress: OnProgress,
    retry: RetryPolicy | None = None,
) -> None:
    """Bring one file here, whole and checked, or not at all.

    Whoever else wants the same file meanwhile, in this process or another, waits for this download and shares it. With a
    published checksum any address may go on where another stopped; without one only the same address may, and only if it
    says that its file is still the same.

    Args:
        file: what is wanted.
        target: where it will lie; what is there already is kept if it is right.
        urls: addresses in the order in which they are asked.
        command: what the user runs to go on after a failure.
        report: hears of progress.
        patience: how long to put up with bad connections.
    Raises:
        DownloadFailed: no address has it; what has arrived stays beside `target` for the next time.
        StorageError: the disk is full.
        OSError: the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartialFile(target)
    with file_lock(target.with_name(f".{target.name}.lock"), lambda: on_progress(part.bytes_on_disk, None)):
        if target.is_file() and file.sha256 in (None, sha256_of(target)):
            on_progress(target.stat().st_size, target.stat().st_size)
            return
        with part:
            if part.size and part.sha256 == file.sha256:
                part.finish()
                return
            tried = _try_urls(urls, file, part, report=on_progress, patience=retry or RetryPolicy())
    if tried:
        raise DownloadFailed(file.name, tried, command)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _try_urls(
    urls: Sequence[str], file: RemoteFile, part: PartialFile, *, report: OnProgress, patience: RetryPolicy
) -> list[tuple[str, str]]:
    """Ask round after round: nothing is returned once the file is there, else each address and why it failed."""
    reasons = dict.fromkeys(urls, "不是 http 地址 no http address")
    alive = [url for url in urls if url.startswith(("https://", "http://"))]
    wait = 0.0
    for number in range(patience.rounds):
        if number and alive:
            time.sleep(min(max(wait, patience.pause * 2 ** (number - 1)), patience.max_pause))
        wait = 0.0
        for url in tuple(alive):
            try:
                _retry_url(url, file, part, report=report, seconds=patience.timeout * 3**number)
                return []
            except UrlRejected as refusal:
                reasons[url] = str(refusal)
                alive.remove(url)
            except ConnectionBroken as broken:
                reasons[url] = str(broken)
                wait = max(wait, broken.wait)
    return list(reasons.items()) or [("", "没有已知的地址 no address is known")]


def _retry_url(url: str, file: RemoteFile, part: PartialFile, *, report: OnProgress, seconds: float) -> None:
    """Ask one address again as long as every connection brings something."""
    for _ in range(_MAX_BREAKS):
        before = part.size
        try:
            return download_once(url, file, part, on_progress=report, timeout=seconds)
        except ConnectionBroken:
            if part.size <= before:
                raise
    raise ConnectionBroken(f"断了 {_MAX_BREAKS} 次 broke off {_MAX_BREAKS} times")
