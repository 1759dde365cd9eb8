"""Downloads one file over HTTP: resumes partial files, retries, tries several URLs, verifies the content."""

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
from danqing.i18n import Text
from danqing.storage.lock import file_lock
from danqing.zoo.partial_file import PartialFile
from danqing.zoo.spec import RemoteFile

OnProgress = Callable[[int, int | None], None]
"""Called with the received bytes and the total, if known. An exception stops the download."""

_BLOCK = 1 << 18
_MAX_BREAKS = 200  # resumed connections to one URL before the next URL is tried
_SIZE_TOLERANCE = 0.1  # of an approximate size
_NOT_WEIGHTS = (b"version https://git-lfs", b"<", b"{")  # a Git LFS pointer, HTML, JSON


class UrlRejected(Exception):
    """The URL does not provide the file; it is not tried again."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.reason = Text(zh, en)


class ConnectionBroken(Exception):
    """The connection failed; the URL may be tried again after `wait` seconds."""

    def __init__(self, zh: str, en: str, wait: float = 0.0) -> None:
        super().__init__(en)
        self.reason = Text(zh, en)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Timeouts and number of retries."""

    timeout: float = 3.0
    """Seconds without a connection or data in the first round, tripled in each further round."""
    rounds: int = 3
    """Number of attempts of each URL."""
    pause: float = 1.0
    """Seconds before the second round, doubled before each further one; a server may request more (Retry-After)."""
    max_pause: float = 30.0
    """Upper limit of a pause in seconds."""


class DownloadFailed(ModelNotFound):
    """A file could not be downloaded from any URL. `attempts` holds each URL and the reason."""

    def __init__(self, file: str, attempts: Sequence[tuple[str, Text]], command: str) -> None:
        zh = "；".join(f"{url}（{reason.zh}）" for url, reason in attempts)
        en = "; ".join(f"{url} ({reason.en})".strip() for url, reason in attempts)
        super().__init__(
            f"{file} 下载失败：{zh}。已收到的部分已保留，重新运行 {command} 即可继续；已有原始文件时：{command} --from 文件夹。",
            f"Cannot download {file}: {en}. The received part is kept: run {command} again to continue, or install from "
            f"local files: {command} --from FOLDER.",
        )
        self.attempts = tuple(attempts)


def download_file(
    file: RemoteFile,
    target: Path,
    urls: Sequence[str],
    *,
    command: str,
    on_progress: OnProgress,
    retry: RetryPolicy | None = None,
) -> None:
    """Download and verify one file.

    Concurrent downloads of the same target, in this or another process, wait for the first one and share its result. With a
    published checksum a partial file is continued from any URL; without one only from the same URL with the same ETag.

    Args:
        file: the file to download.
        target: destination; an intact existing file is kept.
        urls: URLs in the order in which they are tried.
        command: command for the error message that continues the download.
        on_progress: progress callback.
        retry: timeouts and number of retries.
    Raises:
        DownloadFailed: no URL provides the file; the partial file beside `target` is kept for the next attempt.
        StorageError: the disk is full.
        OSError: the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = PartialFile(target)
    with file_lock(lock_path(target), lambda: on_progress(part.bytes_on_disk, None)):
        if target.is_file() and is_intact(file, target):
            on_progress(target.stat().st_size, target.stat().st_size)
            return
        with part:
            if part.size and part.sha256 == file.sha256:
                part.finish()
                return
            attempts = _try_urls(urls, file, part, on_progress=on_progress, retry=retry or RetryPolicy())
    if attempts:
        raise DownloadFailed(file.name, attempts, command)


def is_intact(file: RemoteFile, path: Path) -> bool:
    """Compare a local file with the published checksum; without one, check that its size and first bytes are plausible."""
    if file.sha256 is not None:
        return file.sha256 == sha256_of(path)
    with path.open("rb") as stream:
        return _wrong_content(file, path.stat().st_size, stream.read(64)) is None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lock_path(target: Path) -> Path:
    """Return the lock file of a download."""
    return target.with_name(f".{target.name}.lock")


def _try_urls(
    urls: Sequence[str], file: RemoteFile, part: PartialFile, *, on_progress: OnProgress, retry: RetryPolicy
) -> list[tuple[str, Text]]:
    """Try all URLs in several rounds; return an empty list on success, else each URL and the reason."""
    reasons = dict.fromkeys(urls, Text("不是 http 地址", "not an http URL"))
    remaining = [url for url in urls if url.startswith(("https://", "http://"))]
    wait = 0.0
    for attempt in range(retry.rounds):
        if attempt and remaining:
            time.sleep(min(max(wait, retry.pause * 2 ** (attempt - 1)), retry.max_pause))
        wait = 0.0
        for url in tuple(remaining):
            try:
                _retry_url(url, file, part, on_progress=on_progress, timeout=retry.timeout * 3**attempt)
                return []
            except UrlRejected as error:
                reasons[url] = error.reason
                remaining.remove(url)
            except ConnectionBroken as error:
                reasons[url] = error.reason
                wait = max(wait, error.wait)
    return list(reasons.items()) or [("", Text("没有可用的地址", "no URL is known"))]


def _retry_url(url: str, file: RemoteFile, part: PartialFile, *, on_progress: OnProgress, timeout: float) -> None:
    """Reconnect to one URL as long as each connection delivers data."""
    for _ in range(_MAX_BREAKS):
        before = part.size
        try:
            return download_once(url, file, part, on_progress=on_progress, timeout=timeout)
        except ConnectionBroken:
            if part.size <= before:
                raise
    raise ConnectionBroken(f"连接中断 {_MAX_BREAKS} 次", f"the connection broke {_MAX_BREAKS} times")


def download_once(url: str, file: RemoteFile, part: PartialFile, *, on_progress: OnProgress, timeout: float) -> None:
    """Make one request; on return the file is complete, verified and renamed to its target.

    Args:
        url: http or https.
        file: the file to download.
        part: the data received so far; kept if the connection breaks.
        on_progress: progress callback.
        timeout: seconds to wait for a connection or for the next data.
    Raises:
        UrlRejected: the URL does not provide the file.
        ConnectionBroken: the connection broke, or the server is busy.
        StorageError: the disk is full.
    """
    total = file.size
    try:
        with cast("HTTPResponse", build_opener().open(_request(url, file, part), timeout=timeout)) as response:
            total = _start_response(url, response, file, part)
            _read_body(response, part, total=total, on_progress=on_progress)
    except HTTPError as error:
        _raise_for_status(error, file, part)
    except (OSError, HTTPException) as error:
        reason = _short_reason(error)
        raise ConnectionBroken(reason, reason) from error
    if total is not None and part.size < total:
        raise ConnectionBroken(
            f"在 {part.size}/{total} 字节处中断", f"connection broke at {part.size} of {total} bytes"
        )
    _verify_and_finish(url, file, part, total)


def _request(url: str, file: RemoteFile, part: PartialFile) -> Request:
    """Request the rest of a partial file; without a checksum only if the server confirms that the file is unchanged."""
    headers = {"User-Agent": "danqing", "Accept-Encoding": "identity"}
    validator = part.validator(url)
    if part.size and (file.sha256 or validator):
        headers["Range"] = f"bytes={part.size}-"
        if file.sha256 is None and validator:
            headers["If-Range"] = validator
    return Request(url, headers=headers)


def _start_response(url: str, response: HTTPResponse, file: RemoteFile, part: PartialFile) -> int | None:
    """Check the headers, align the response with the partial file, and return the total size if known."""
    if response.headers.get_content_type() == "text/html":
        raise UrlRejected("返回的是网页", "a web page instead of the file")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise UrlRejected("内容经过压缩", "the content is compressed")
    first, length = _content_range(response)
    if length is not None and (reason := _wrong_size(file, length)):
        raise UrlRejected(reason.zh, reason.en)
    total = file.size if length is None else length
    if part.size and not first and file.sha256 is None:
        part.clear()  # the file on the server has changed
    if first > part.size:
        raise UrlRejected(f"从第 {first} 字节开始", f"the response starts at byte {first}")
    if total is not None:
        part.check_disk_space(total)
    if not part.size:
        part.restart(url, _validator(response))
    _skip(response, part.size - first)
    return total


def _read_body(response: HTTPResponse, part: PartialFile, *, total: int | None, on_progress: OnProgress) -> None:
    while block := response.read1(_BLOCK):
        if total is not None and part.size + len(block) > total:
            part.clear()
            raise UrlRejected(f"超过 {total} 字节", f"longer than {total} bytes")
        part.write(block)
        on_progress(part.size, total)


def _skip(response: HTTPResponse, count: int) -> None:
    """Discard data that is already in the partial file, for servers without range requests."""
    while count > 0:
        block = response.read1(min(count, _BLOCK))
        if not block:
            raise ConnectionBroken("连接中断", "the connection broke")
        count -= len(block)


def _raise_for_status(error: HTTPError, file: RemoteFile, part: PartialFile) -> None:
    """Raise for an HTTP error. Status 416 means that the partial file is complete, or that it is useless."""
    reason = f"HTTP {error.code}"
    if error.code == 416:
        if part.sha256 != file.sha256:
            part.clear()
            raise ConnectionBroken(reason, reason) from error
    elif error.code in (408, 425, 429) or error.code >= 500:
        wait = error.headers.get("Retry-After", "")
        raise ConnectionBroken(reason, reason, float(wait) if wait.isdecimal() else 0.0) from error
    else:
        raise UrlRejected(reason, reason) from error


def _verify_and_finish(url: str, file: RemoteFile, part: PartialFile, total: int | None) -> None:
    """Rename the partial file to its target if its checksum, or else its size and first bytes, are right."""
    if file.sha256 is None:
        unknown = Text("未提供文件大小", "the size of the file is not stated") if total is None else None
        if reason := unknown or _wrong_content(file, part.size, part.first_bytes()):
            part.clear()
            raise UrlRejected(reason.zh, reason.en)
    elif file.sha256 != part.sha256:
        error = UrlRejected if part.single_source == url and total is not None else ConnectionBroken
        part.clear()
        raise error("校验和不一致", "wrong checksum")
    part.finish()


def _wrong_content(file: RemoteFile, size: int, start: bytes) -> Text | None:
    """Return why content cannot be the file, for files without a published checksum."""
    if start.lstrip().startswith(_NOT_WEIGHTS):
        return Text("内容是网页、JSON 或 Git LFS 指针", "the content is a web page, JSON or a Git LFS pointer")
    return _wrong_size(file, size)


def _wrong_size(file: RemoteFile, size: int) -> Text | None:
    """Compare a size with the published one, exactly if it is known."""
    tolerance = 0.0 if file.size else _SIZE_TOLERANCE * file.approx_size
    if (not size and file.sha256 is None) or (file.expected_size and abs(size - file.expected_size) > tolerance):
        return Text(
            f"大小不符：{size} 字节，应为 {file.expected_size}",
            f"wrong size: {size} bytes instead of {file.expected_size}",
        )
    return None


def _content_range(response: HTTPResponse) -> tuple[int, int | None]:
    """Return the first byte of the response and the size of the whole file, if stated."""
    if response.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None:
            raise UrlRejected("Content-Range 不正确", "invalid Content-Range")
        return int(match[1]), None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _validator(response: HTTPResponse) -> str | None:
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _short_reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split())[:120] or type(error).__name__
