"""The HTTP transport: event streams, errors, retries."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from danqing import errors
from danqing.client.transport import HttpTransport, ServerSentEvent, read_events, to_error

pytestmark = pytest.mark.slow


def test_events_are_read_as_they_were_sent() -> None:
    lines = [": ping", "", "event: stepped", 'data: {"a": 1}', "id: 3", "", "data: a", "data:b", "", "data: cut off"]
    assert list(read_events(iter(lines))) == [
        ServerSentEvent("stepped", '{"a": 1}', "3"),
        ServerSentEvent("message", "a\nb", ""),
    ]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "model_not_found", errors.ModelNotFound),
        (404, "not_found", errors.JobNotFound),
        (409, "conflict", errors.JobConflict),
        (422, "invalid_value", errors.InvalidRequest),
        (413, "too_large", errors.InvalidRequest),
        (429, "too_many_jobs", errors.TooManyJobs),
        (503, "busy", errors.QueueFull),
        (401, "no_key", errors.DanqingError),
    ],
)
def test_an_error_comes_out_as_the_one_that_was_raised(status: int, code: str, kind: type[errors.DanqingError]) -> None:
    body = json.dumps({"error": {"message": "说明", "code": code, "param": "steps"}}).encode()
    error = to_error(status, body, "7")
    assert type(error) is kind
    assert error.zh == "说明"
    assert getattr(error, "field", "steps") == "steps"
    assert getattr(error, "retry_after", 7) == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}'])
def test_an_answer_of_somebody_else_is_still_an_error(body: bytes) -> None:
    assert "502" in str(to_error(502, body, ""))


class _Service(BaseHTTPRequestHandler):
    """Replies to each request with the next prepared status and body."""

    prepared: ClassVar[list[tuple[int, str]]] = []
    requests: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.requests.append((self.path, dict(self.headers)))
        status, body = self.prepared.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    """The URL of a service that replies with `_Service.prepared`."""
    _Service.prepared.clear()
    _Service.requests.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


STOPPING = (503, json.dumps({"error": {"message": "stopping", "code": "stopping"}}))
BUSY = (503, json.dumps({"error": {"message": "busy", "code": "busy"}}))


def test_requests_are_repeated_while_the_service_restarts(service: str) -> None:
    _Service.prepared += [STOPPING, STOPPING, (200, "done")]
    transport = HttpTransport(service, None, 5, language="en", delay=0)
    assert transport.request("GET", "/v1/models") == b"done"
    transport.close()


def test_a_full_queue_is_reported_at_once(service: str) -> None:
    _Service.prepared += [BUSY]
    transport = HttpTransport(service, None, 5, language="en", delay=0)
    with pytest.raises(errors.QueueFull):
        transport.request("GET", "/v1/models")
    transport.close()


def test_a_stream_continues_after_an_orderly_restart(service: str) -> None:
    _Service.prepared += [
        (200, 'event: stepped\ndata: {"step": 1}\nid: 4\n\nevent: stopping\ndata: {}\n\n'),
        STOPPING,
        (200, 'event: stepped\ndata: {"step": 2}\nid: 5\n\nevent: ended\ndata: {}\n\n'),
    ]
    transport = HttpTransport(service, None, 5, language="zh", delay=0)
    events = list(transport.stream_events("/events"))
    transport.close()
    assert [(event.kind, event.id) for event in events] == [("stepped", "4"), ("stepped", "5"), ("ended", "")]
    assert [headers["Last-Event-ID"] for _, headers in _Service.requests] == ["0", "4", "4"]


def test_the_language_is_sent_and_the_path_prefix_is_not_repeated(service: str) -> None:
    _Service.prepared += [(200, "")] * 2
    transport = HttpTransport(f"{service}/paint/", "key", 5, language="en", delay=0)
    transport.request("GET", "/v1/models")
    transport.request("GET", "/paint/v1/jobs/1/pictures/0.png")
    transport.close()
    assert [path for path, _ in _Service.requests] == ["/paint/v1/models", "/paint/v1/jobs/1/pictures/0.png"]
    assert {headers["Accept-Language"] for _, headers in _Service.requests} == {"en"}


def test_a_service_that_stays_away_is_reported() -> None:
    transport = HttpTransport("http://127.0.0.1:9", None, 1, language="zh", delay=0)
    with pytest.raises(errors.DanqingError, match="danqing serve"):
        transport.request("GET", "/v1/models")
    transport.close()
