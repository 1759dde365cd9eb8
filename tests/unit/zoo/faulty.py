"""A local HTTP server with configurable faults, one for each request."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, cast
from urllib.parse import urlsplit

Kind = Literal["good", "cut", "deaf", "status", "wrong", "flipped", "html", "short", "stall", "endless", "no length"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong: cut after `number` bytes, HTTP status `number`, byte `number` flipped."""

    kind: Kind = "good"
    number: int = 0


@dataclass
class Site:
    """A file and its faults; what was asked is kept."""

    content: bytes
    faults: list[Fault] = field(default_factory=list[Fault])
    ranges: list[str | None] = field(default_factory=list["str | None"])
    tag: str | None = '"1"'
    sent: int = 0
    moved: str | None = None
    """Where requests are sent on to."""
    pause: float = 0.0
    """Seconds between blocks of 4 KiB."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> "Server":
        return cast("Server", self.server)

    def do_GET(self) -> None:
        site = self.owner.sites[urlsplit(self.path).path]
        site.ranges.append(self.headers["Range"])
        fault = site.faults.pop(0) if site.faults else Fault()
        self.close_connection = True
        if site.moved:
            self.send_response(302)
            self.send_header("Location", site.moved)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault.kind == "status":
            self.send_response(fault.number)
            self.send_header("Content-Length", "0")
            self.send_header("Retry-After", "7")
            self.end_headers()
            return
        body = _spoilt(site.content, fault)
        first = self._first(site, len(body)) if fault.kind != "deaf" else 0
        if first is None:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._head(site, fault, first, len(body))
        self._send(site, fault, body[first:])

    def _first(self, site: Site, length: int) -> int | None:
        asked = self.headers["Range"]
        if asked is None or self.headers["If-Range"] not in (None, site.tag):
            return 0
        first = int(asked.removeprefix("bytes=").rstrip("-"))
        return first if first < length else None

    def _head(self, site: Site, fault: Fault, first: int, length: int) -> None:
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{length - 1}/{length}")
        if fault.kind not in ("endless", "no length"):
            self.send_header("Content-Length", str(length - first))
        if site.tag:
            self.send_header("ETag", site.tag)
        self.send_header("Content-Type", "text/html" if fault.kind == "html" else "application/octet-stream")
        self.end_headers()

    def _send(self, site: Site, fault: Fault, body: bytes) -> None:
        if fault.kind in ("cut", "stall"):
            body = body[: fault.number]
        try:
            for start in range(0, len(body), 4096):
                self.wfile.write(body[start : start + 4096])
                site.sent += len(body[start : start + 4096])
                if site.pause:
                    self.owner.closing.wait(site.pause)
        except OSError:
            return
        if fault.kind == "stall":
            self.owner.closing.wait(0.7)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


def _spoilt(content: bytes, fault: Fault) -> bytes:
    match fault.kind:
        case "wrong":
            return bytes(byte ^ 0x55 for byte in content)
        case "flipped":
            at = fault.number % max(1, len(content))
            return content[:at] + bytes(byte ^ 1 for byte in content[at : at + 1]) + content[at + 1 :]
        case "html":
            return b"<html>moved</html>"
        case "short":
            return content[: len(content) // 2]
        case "endless":
            return content + bytes(100_000)
        case _:
            return content


class Server(ThreadingHTTPServer):
    """Sites by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sites: dict[str, Site] = {}
        self.closing = threading.Event()

    def add(self, path: str, content: bytes, faults: Sequence[Fault] = ()) -> str:
        """Serve a file; returns its address."""
        self.sites[path] = Site(content, list(faults))
        return f"{self.address}{path}"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


@contextmanager
def serving() -> Generator[Server]:
    """A server while the block runs."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
