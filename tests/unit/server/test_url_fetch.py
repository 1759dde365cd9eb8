"""Downloads of initial images: public addresses only, however they are written, with limits of size and time."""

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from danqing.errors import InvalidRequest
from danqing.server import url_fetch as fetching
from danqing.server.url_fetch import fetch, is_public
from tests.malicious_inputs import PRIVATE_ADDRESSES, SSRF


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address, 443)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2400:3200::1"])
def test_internet_addresses_are_public(address: str) -> None:
    assert is_public(address, 443)


@contextmanager
def canary() -> Generator[tuple[int, list[str]]]:
    """A listener on loopback that remembers who connected."""
    hits: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    link, place = listener.accept()
                except TimeoutError:
                    continue
                hits.append(str(place))
                link.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield listener.getsockname()[1], hits
        finally:
            over.set()
            thread.join()


@pytest.fixture
def no_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are looked up by a table, never on the net; numbers as the system reads them."""
    look_up = socket.getaddrinfo

    def table(host: str, port: int, **kinds: Any) -> Any:
        known = {"localhost": "127.0.0.1", "rebind.example": "127.0.0.1", "inner.example": "10.0.0.1"}
        number = known.get(host.rstrip("."), host)
        return look_up(number, port, flags=socket.AI_NUMERICHOST, **kinds)

    monkeypatch.setattr(socket, "getaddrinfo", table)


@pytest.mark.usefixtures("no_lookups")
def test_no_spelling_of_loopback_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with canary() as (port, hits):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
        for spelling in SSRF:
            with pytest.raises(InvalidRequest):
                fetch(spelling.format(port=port), ssl_context=trust)
        assert hits == []


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/picture":
                self._send(200, b"picture")
            case "/inside":
                self._send(302, b"", Location="https://10.0.0.1/secret")
            case "/plain":
                self._send(302, b"", Location="http://127.0.0.1/secret")
            case "/nowhere":
                self._send(302, b"")
            case "/round":
                self._send(302, b"", Location="/round")
            case "/once":
                self._send(301, b"", Location="/picture")
            case "/large":
                self._send(200, b"x" * (fetching.MAX_BYTES + 1))
            case "/slow":
                self.send_response(200)
                self.end_headers()
                for _ in range(50):
                    self.wfile.write(b"x")
                    if self.server.over.wait(0.02):  # type: ignore[attr-defined] # pyright: ignore
                        return
            case _:
                self._send(404, b"")

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    over = threading.Event()
    mine: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake in the handler's own thread, where a caller that does not like the certificate ends nothing.
        with self.mine.wrap_socket(request, server_side=True) as link:
            super().finish_request(link, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that breaks off is what these tests are about


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A small site over https, and the certificate that it goes by."""
    file = write_certificate(tmp_path_factory.mktemp("certificate"))
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mine.load_cert_chain(file)
    server = Server(("127.0.0.1", 0), Web)
    server.mine = mine
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}", ssl.create_default_context(cafile=file)
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def write_certificate(folder: Path) -> str:
    """A key and a certificate for localhost in one file."""
    file = folder / "site.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", file, "-out", folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    with file.open("ab") as stream:
        stream.write((folder / "cert.pem").read_bytes())
    return str(file)


def loopback_only(address: str, port: int) -> bool:
    """Stands in for `is_public`: of these tests' machines only the site itself counts as public."""
    del port
    return address in ("127.0.0.1", "::1")


Get = Callable[[str], bytes]


@pytest.fixture
def get(web: tuple[str, ssl.SSLContext]) -> Get:
    address, trust = web
    return lambda path: fetch(address + path, is_allowed=loopback_only, ssl_context=trust)


def test_an_image_is_downloaded(get: Get) -> None:
    assert get("/picture?a=远") == b"picture"
    assert get("/once") == b"picture"


@pytest.mark.parametrize("path", ["/inside", "/plain", "/nowhere", "/round", "/large", "/missing"])
def test_a_failed_download_is_an_error(get: Get, path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        get(path)
    assert caught.value.field == "init_image"


def test_a_slow_response_times_out(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(InvalidRequest, match=r"0\.3"):
        get("/slow")


def test_an_invalid_certificate_is_rejected(web: tuple[str, ssl.SSLContext]) -> None:
    with pytest.raises(InvalidRequest):
        fetch(web[0] + "/picture", is_allowed=loopback_only)


def test_dns_rebinding_is_not_followed(web: tuple[str, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up once; what it would say later does not matter, and the connected peer is judged again."""
    looks: list[str] = []

    def judge(address: str, port: int) -> bool:
        del port
        looks.append(address)
        return len(looks) == 1  # public when looked up, inner when connected

    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(web[0].rpartition(":")[2])))

    def look_up(*_: object, **__: object) -> list[object]:
        return [place]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(InvalidRequest):
        fetch(web[0] + "/picture", is_allowed=judge, ssl_context=web[1])
    assert looks == ["127.0.0.1", "127.0.0.1"]
