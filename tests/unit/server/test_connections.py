"""Limits of connections: incomplete headers time out, and one address cannot open all connections."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from danqing.server import connections
from danqing.server.connections import ConnectionLimits, limited_protocol


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "HEADER_TIMEOUT", 0.3)
    monkeypatch.setattr(connections, "MAX_PER_PEER", 5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(PlainTextResponse("yes"), http=limited_protocol(ConnectionLimits()), log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server closes a connection."""
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def test_half_sent_headers_are_closed_after_the_timeout(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert is_closed(connection)


def test_one_address_has_a_limited_number_of_connections(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_TIMEOUT", 60)
    opened = [socket.create_connection(address, timeout=20) for _ in range(5)]
    with socket.create_connection(address, timeout=20) as extra:
        assert is_closed(extra)
    opened[0].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"200 OK" in opened[0].recv(1000)
    for connection in opened:
        connection.close()


def test_a_complete_request_is_answered_and_the_next_one_too(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            received = b""
            while not received.endswith(b"yes"):
                received += connection.recv(1000)
            assert b"200 OK" in received


def test_trusted_proxies_have_no_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_PER_PEER", 1)
    limits = ConnectionLimits(frozenset({"10.0.0.1"}))
    assert [limits.open("10.0.0.1") for _ in range(3)] == [True] * 3
    assert [limits.open("10.0.0.2") for _ in range(2)] == [True, False]
    limits.close("10.0.0.2")
    limits.close("10.0.0.2")
    assert limits.open("10.0.0.2")
