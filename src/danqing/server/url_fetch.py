"""Fetching a start picture from the web, for services that allow it: https only, public addresses only, little and quickly."""

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
# Inside 2000::/3, but ways to say some other address, or nobody's.
_TUNNELS = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20")
)
_RELAYS = (ipaddress.IPv4Network("192.88.99.0/24"), ipaddress.IPv4Network("192.0.0.0/24"))
_NEUTRAL = ipaddress.IPv6Network("2000::/3")

AddressPolicy = Callable[[str, int], bool]
"""Whether an address (as the system writes it) and a port may be connected to."""


def is_public(address: str, port: int) -> bool:  # noqa: ARG001 - any port of a public machine will do
    """Whether an address is one of the open internet: no loopback, private, link-local, carrier, multicast or tunnel."""
    try:
        place = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(place, ipaddress.IPv4Address):
        return place.is_global and not place.is_multicast and not any(place in network for network in _RELAYS)
    # Only what is routed at all; that leaves out ::1, fc00::/7, fe80::/10, v4-mapped, v4-compatible and NAT64.
    isatap = (int(place) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE
    return place in _NEUTRAL and place.is_global and not isatap and not any(place in net for net in _TUNNELS)


def fetch(url: str, *, is_allowed: AddressPolicy = is_public, ssl_context: ssl.SSLContext | None = None) -> bytes:
    """The bytes behind an https address.

    The name is looked up once, every address it has is judged, and the connection goes to the address that was judged;
    each redirect starts again. Proxies of the environment are ignored.

    Args:
        url: as the caller wrote it.
        judge: which addresses may be connected to.
        trust: certificates to believe; the system's if not given.
    Returns:
        at most 10 MB.
    Raises:
        InvalidRequest: the address may not be fetched, or gave nothing usable in 10 seconds; it never says what an
            inner machine answered.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    for _ in range(MAX_REDIRECTS + 1):
        parts = _split(url)
        link = _PinnedHTTPSConnection(parts, is_allowed, ssl_context, deadline)
        try:
            link.request("GET", _target(parts), headers={"Accept": "image/png, image/jpeg, image/webp"})
            with link.getresponse() as reply:
                if reply.status == 200:
                    return _read(reply, link)
                if reply.status not in _REDIRECTS:
                    raise _refused(f"对方答 {reply.status}", f"it answered {reply.status}")
                url = urljoin(url, reply.headers.get("Location", ""))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _refused("连不上或答得不对", "it cannot be reached or does not answer properly") from error
        finally:
            link.close()
    raise _refused(f"转向超过 {MAX_REDIRECTS} 次", f"it redirects more than {MAX_REDIRECTS} times")


class _PinnedHTTPSConnection(http.client.HTTPConnection):
    """A connection over TLS to the very address that was judged, under the name that was asked for."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, parts: SplitResult, judge: AddressPolicy, trust: ssl.SSLContext | None, deadline: float) -> None:
        assert parts.hostname is not None, "checked by _split"
        super().__init__(parts.hostname, parts.port or 443)
        self._judge = judge
        self._trust = trust
        self._deadline = deadline

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        places = [place for *_, place in found]
        if not places or not all(self._judge(str(place[0]), self.port) for place in places):
            raise _refused("不是公网地址", "it is not a public address")
        # A name with several addresses may not fall back to one that was not judged: the first is taken as it stands.
        family, kind, protocol, _, place = found[0]
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(self.left())
            plain.connect(place)
            if not self._judge(str(plain.getpeername()[0]), self.port):
                raise _refused("不是公网地址", "it is not a public address")
            trust = self._trust or ssl.create_default_context()
            self.sock = trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def left(self) -> float:
        """Seconds that are left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _refused(f"{TIMEOUT_SECONDS:g} 秒内没有送到", f"it did not arrive within {TIMEOUT_SECONDS:g} seconds")
        return left


def _read(reply: http.client.HTTPResponse, link: _PinnedHTTPSConnection) -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES:
        if link.sock is not None:
            link.sock.settimeout(link.left())
        piece = reply.read1(65536)
        if not piece:
            return bytes(data)
        data += piece
        link.left()
    raise _refused(f"超过 {MAX_BYTES >> 20} MB", f"it is larger than {MAX_BYTES >> 20} MB")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or not url.isprintable() or " " in url or "\\" in url:
        raise _refused("只取 https:// 的网址", "only https:// addresses are fetched")
    return parts


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    return "".join(part if part.isascii() else "".join(f"%{byte:02X}" for byte in part.encode()) for part in target)


def _refused(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(
        f"底图的网址取不来：{zh}。请改为上传图像。",
        f"The start picture's address cannot be fetched: {en}. Upload the picture instead.",
        field="init_image",
    )
