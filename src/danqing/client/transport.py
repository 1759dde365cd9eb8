"""HTTP transport of the client: errors, event streams, and retries while the service restarts."""

import ipaddress
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from danqing.errors import (
    DanqingError,
    InvalidRequest,
    JobConflict,
    JobNotFound,
    MissingExtra,
    ModelNotFound,
    QueueFull,
    TooManyJobs,
)
from danqing.i18n import Language, error_reason

if TYPE_CHECKING:
    import httpx

MAX_RECONNECTS = 8
"""Maximum number of consecutive attempts to reconnect; with growing delays, they take about half a minute."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """A server-sent event."""

    kind: str
    data: str
    id: str


class _Interrupted(Exception):
    """The service is stopping or restarting; the request can be repeated."""


class HttpTransport:
    """Requests to one service. All methods raise the DanqingError that the service reports, or that it is unreachable."""

    def __init__(self, url: str, key: str | None, timeout: float, *, language: Language, delay: float = 0.2) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra(
                '要先安装：pip install "danqing[client]"。', 'The client needs: pip install "danqing[client]".'
            ) from error
        self._url = url.rstrip("/")
        self._delay = delay
        headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {key}"} if key else {})
        # A proxy from the environment cannot connect to the loopback address of this machine.
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=timeout, trust_env=not _is_loopback(httpx.URL(url).host)
        )
        self._root = httpx.URL(self._url).path.rstrip("/")
        self._interruptions = (httpx.TransportError, _Interrupted)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def request(
        self, method: str, path: str, *, json: object = None, params: Mapping[str, str | list[str]] | None = None
    ) -> bytes:
        """Return the body of a response; the request is repeated while the service restarts."""
        attempts = 0
        while True:
            try:
                response = self._http.request(method, self._path(path), json=json, params=params)
                _raise_for_status(response)
                return response.content
            except self._interruptions as error:
                attempts += 1
                self._wait(attempts, error)

    def stream_events(self, path: str, *, after: str = "0") -> Iterator[ServerSentEvent]:
        """Yield server-sent events; after an interruption, the stream continues after the last event received."""
        attempts = 0
        while True:
            try:
                for sent in self._listen(path, after):
                    if sent.kind == "stopping":
                        raise _Interrupted("stopping")
                    attempts, after = 0, sent.id or after
                    yield sent
                return
            except self._interruptions as error:
                attempts += 1
                self._wait(attempts, error)

    def _listen(self, path: str, after: str) -> Iterator[ServerSentEvent]:
        with self._http.stream("GET", self._path(path), headers={"Last-Event-ID": after}) as response:
            if not response.is_success:
                response.read()
            _raise_for_status(response)
            yield from read_events(response.iter_lines())

    def _path(self, path: str) -> str:
        """Return a path relative to the URL of the service; paths in responses include its prefix."""
        return path.removeprefix(self._root) if self._root else path

    def _wait(self, attempts: int, error: Exception) -> None:
        if attempts > MAX_RECONNECTS:
            reason = error_reason(error)
            raise DanqingError(
                f"无法连接 {self._url}：{reason.zh}。请确认服务已启动（danqing serve）。",
                f"Cannot reach {self._url}: {reason.en}. Check that the service is running (danqing serve).",
            ) from error
        time.sleep(min(self._delay * 2**attempts, 5.0))


def _raise_for_status(response: "httpx.Response") -> None:
    """Raise the error of a response that is not successful; the body must have been read."""
    if response.is_success:
        return
    if response.status_code == 503 and _problem(response.content).get("code") == "stopping":
        raise _Interrupted("stopping")
    raise to_error(response.status_code, response.content, response.headers.get("retry-after", ""))


def read_events(lines: Iterator[str]) -> Iterator[ServerSentEvent]:
    """Parse the lines of a stream; comments and an incomplete last event are skipped."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
        elif "data" in fields:
            yield ServerSentEvent(fields.get("event", "message"), fields["data"], fields.get("id", ""))
            fields = {}


def to_error(status: int, body: bytes, retry_after: str) -> DanqingError:
    """Return the exception for an error response."""
    problem = _problem(body)
    text = str(problem.get("message") or f"HTTP {status}")
    field = cast("str | None", problem.get("param"))
    seconds = float(retry_after) if retry_after.isdecimal() else 1.0
    match status, problem.get("code"):
        case 404, "model_not_found":
            return ModelNotFound(text, text)
        case 404, _:
            return JobNotFound(text, text)
        case 409, _:
            return JobConflict(text, text)
        case 400 | 413 | 415 | 422, _:
            return InvalidRequest(text, text, field=field)
        case 429, _:
            return TooManyJobs(text, text, retry_after=seconds)
        case 503, _:
            return QueueFull(text, text, retry_after=seconds)
        case _:
            return DanqingError(text, text)


def _problem(body: bytes) -> Mapping[str, object]:
    try:
        problem = cast("dict[str, object]", json.loads(body))["error"]
    except (ValueError, KeyError, TypeError):
        problem = None
    return cast("dict[str, object]", problem) if isinstance(problem, dict) else {}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
