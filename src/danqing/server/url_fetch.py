"""Downloads an initial image for services that allow URLs: https and public addresses only, with limits of size and time."""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urljoin, urlsplit

from danqing.errors import InvalidRequest

MAX_BYTES = 10 * 2**20
TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 3

_REDIRECTS = (301, 302, 303, 307, 308)
# Inside 2000::/3, but they contain another address, or are reserved.
_TUNNELS = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
_RELAYS = (ipaddress.IPv4Network("192.88.99.0/24"), ipaddress.IPv4Network("192.0.0.0/24"))
_ROUTED = ipaddress.IPv6Network("2000::/3")

AddressPolicy = Callable[[str, int], bool]
"""Returns True if connections to an address (as text) and a port are allowed."""


def is_public(address: str, port: int) -> bool:  # noqa: ARG001 - every port of a public address is allowed
    """Return True for a public internet address: not loopback, private, link-local, carrier-grade NAT, multicast or tunnel."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _RELAYS)
    # Only routed addresses; this excludes ::1, fc00::/7, fe80::/10, v4-mapped, v4-compatible and NAT64.
    isatap = (int(parsed) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE
    return parsed in _ROUTED and parsed.is_global and not isatap and not any(parsed in net for net in _TUNNELS)


def fetch(url: str, *, is_allowed: AddressPolicy = is_public, ssl_context: ssl.SSLContext | None = None) -> bytes:
    """Download a file over https.

    The host name is resolved once, all its addresses are checked, and the connection uses a checked address; each redirect
    is checked again. Proxies of the environment are ignored.

    Args:
        url: as given by the client.
        is_allowed: decides about addresses.
        ssl_context: trusted certificates; the system's by default.
    Returns:
        at most `MAX_BYTES`.
    Raises:
        InvalidRequest: the URL is not allowed, or the file did not arrive in `TIMEOUT_SECONDS`. The message does not reveal
            what a private address answered.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    for _ in range(MAX_REDIRECTS + 1):
        parts = _split(url)
        connection = _PinnedHTTPSConnection(parts, is_allowed, ssl_context, deadline)
        try:
            connection.request("GET", _target(parts), headers={"Accept": "image/png, image/jpeg, image/webp"})
            with connection.getresponse() as reply:
                if reply.status == 200:
                    return _read(reply, connection)
                if reply.status not in _REDIRECTS:
                    raise _error(f"服务器返回 {reply.status}", f"the server responded {reply.status}")
                url = urljoin(url, reply.headers.get("Location", ""))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _error("无法连接，或响应无效", "it cannot be reached, or its response is invalid") from error
        finally:
            connection.close()
    raise _error(f"重定向超过 {MAX_REDIRECTS} 次", f"it redirects more than {MAX_REDIRECTS} times")


class _PinnedHTTPSConnection(http.client.HTTPConnection):
    """A TLS connection to the checked address, verified for the requested host name."""

    default_port = http.client.HTTPS_PORT

    def __init__(
        self, parts: SplitResult, is_allowed: AddressPolicy, ssl_context: ssl.SSLContext | None, deadline: float
    ) -> None:
        assert parts.hostname is not None, "checked by _split"
        super().__init__(parts.hostname, parts.port or 443)
        self._is_allowed = is_allowed
        self._ssl_context = ssl_context
        self._deadline = deadline

    def connect(self) -> None:
        """Connect to the first address of the host; all of its addresses must be allowed."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [address for *_, address in found]
        if not addresses or not all(self._is_allowed(str(address[0]), self.port) for address in addresses):
            raise _error("不是公网地址", "it is not a public address")
        # No second lookup, which could return another address.
        family, kind, protocol, _, address = found[0]
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(self.seconds_left())
            plain.connect(address)
            if not self._is_allowed(str(plain.getpeername()[0]), self.port):
                raise _error("不是公网地址", "it is not a public address")
            ssl_context = self._ssl_context or ssl.create_default_context()
            self.sock = ssl_context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def seconds_left(self) -> float:
        """Return the remaining time in seconds.

        Raises:
            InvalidRequest: the time is over.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _error(f"{TIMEOUT_SECONDS:g} 秒内没有下载完", f"it did not arrive within {TIMEOUT_SECONDS:g} seconds")
        return left


def _read(reply: http.client.HTTPResponse, connection: _PinnedHTTPSConnection) -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES:
        if connection.sock is not None:
            connection.sock.settimeout(connection.seconds_left())
        piece = reply.read1(65536)
        if not piece:
            return bytes(data)
        data += piece
        connection.seconds_left()
    raise _error(f"超过 {MAX_BYTES >> 20} MB", f"it is larger than {MAX_BYTES >> 20} MB")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        valid, parts = False, urlsplit("")
    if not valid or not url.isprintable() or " " in url or "\\" in url:
        raise _error("只接受 https:// 的网址", "only https:// URLs are accepted")
    return parts


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    return "".join(part if part.isascii() else "".join(f"%{byte:02X}" for byte in part.encode()) for part in target)


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(
        f"无法下载底图：{zh}。请改为上传图像。",
        f"The initial image cannot be downloaded: {en}. Upload it instead.",
        field="init_image",
    )
