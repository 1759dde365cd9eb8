"""One HTTP connection to a service: its errors become ours, its event streams survive a break."""

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

if TYPE_CHECKING:
    import httpx

MAX_RECONNECTS = 5
"""How often a broken stream of events is taken up again without getting further."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """A server-sent event."""

    kind: str
    data: str
    id: str


class HttpTransport:
    """Requests to one service.

    Raises, in all its methods:
        DanqingError: the service cannot be reached, or refuses; the leaf that the service itself raised.
    """

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtra(
                '要先安装：pip install "danqing[client]"。', 'The client needs: pip install "danqing[client]".'
            ) from error
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A proxy of the environment would be asked to connect to itself.
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=timeout, trust_env=not _is_here(httpx.URL(url).host)
        )
        self._broken = (httpx.TransportError,)

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def request(
        self, method: str, path: str, *, json: object = None, params: Mapping[str, str | list[str]] | None = None
    ) -> bytes:
        """The body of an answer."""
        try:
            reply = self._http.request(method, path, json=json, params=params)
        except self._broken as error:
            raise self._unreachable(error) from error
        if not reply.is_success:
            raise to_error(reply.status_code, reply.content, reply.headers.get("retry-after", ""))
        return reply.content

    def stream_events(self, path: str, *, after: str = "0") -> Iterator[ServerSentEvent]:
        """Server-sent events; a broken connection is taken up again behind the last one that came."""
        tries = 0
        while True:
            try:
                for sent in self._listen(path, after):
                    tries, after = 0, sent.id or after
                    yield sent
                return
            except self._broken as error:
                tries += 1
                if tries > MAX_RECONNECTS:
                    raise self._unreachable(error) from error
                time.sleep(0.2 * 2**tries)

    def _listen(self, path: str, after: str) -> Iterator[ServerSentEvent]:
        with self._http.stream("GET", path, headers={"Last-Event-ID": after}) as reply:
            if not reply.is_success:
                raise to_error(reply.status_code, reply.read(), reply.headers.get("retry-after", ""))
            yield from read_events(reply.iter_lines())

    def _unreachable(self, error: "httpx.TransportError") -> DanqingError:
        return DanqingError(
            f"连不上 {self._url}：{error}。服务开着吗？（danqing serve）",
            f"Cannot reach {self._url}: {error}. Is the service running? (danqing serve)",
        )


def read_events(lines: Iterator[str]) -> Iterator[ServerSentEvent]:
    """The events in the lines of a stream; comments are passed over, and so is an event that was cut off."""
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
    """The error that an answer stands for."""
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


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
