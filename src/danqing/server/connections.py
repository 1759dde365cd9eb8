"""HTTP connections with limits: a timeout for request headers and a maximum per client address."""

import asyncio
from collections import Counter
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEADER_TIMEOUT = 10.0
"""Seconds within which the headers of a request must arrive."""
MAX_PER_PEER = 250
"""Open connections per client address; further ones are closed at once."""


class ConnectionLimits:
    """Counts connections per client address.

    Args:
        trusted: addresses without a limit of their own: reverse proxies, which carry the requests of many clients.
    """

    def __init__(self, trusted: frozenset[str] = frozenset()) -> None:
        self._trusted = trusted
        self._open: Counter[str] = Counter()

    def open(self, peer: str) -> bool:
        """Count a new connection; False if the address has too many."""
        if peer in self._trusted:
            return True
        self._open[peer] += 1
        return self._open[peer] <= MAX_PER_PEER

    def close(self, peer: str) -> None:
        """Remove a connection that was counted."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]


class LimitedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with `ConnectionLimits` and `HEADER_TIMEOUT`."""

    limits: ConnectionLimits

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self._peer: str | None = None
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Accept or close a connection."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        self._peer = peer
        if not self.limits.open(peer):
            transport.abort()
            return
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection."""
        self._stop_timer()
        if self._peer is not None:
            self.limits.close(self._peer)
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle received bytes; the timer runs while the headers of a request are incomplete."""
        previous = self.cycle
        super().data_received(data)
        if self.cycle is not previous:
            self._stop_timer()
        elif not self.cycle or self.cycle.response_complete:
            self._start_timer()

    def _start_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(HEADER_TIMEOUT, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None


def limited_protocol(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """Return a protocol class with these limits, as uvicorn's `http` option takes it."""
    return type("_LimitedProtocol", (LimitedProtocol,), {"limits": limits})
