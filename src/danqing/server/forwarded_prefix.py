"""The path prefix that a trusted reverse proxy names in the header X-Forwarded-Prefix."""

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_ROOT_PATH = re.compile(r"(?:/[\w.~-]+)+", re.ASCII)


class ForwardedPrefixMiddleware:
    """ASGI middleware that makes X-Forwarded-Prefix the root path of a request.

    It runs before uvicorn's middleware for the other X-Forwarded-* headers, which replaces the address of the proxy by that of
    the client.

    Args:
        app: the application.
        trusted: addresses of the proxies; the header of any other client is ignored.
    """

    def __init__(self, app: ASGIApp, trusted: frozenset[str]) -> None:
        self._app = ProxyHeadersMiddleware(app, sorted(trusted))  # pyright: ignore[reportArgumentType]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and scope["client"] and scope["client"][0] in self._app.trusted_hosts:
            prefix = Headers(scope=scope).get("x-forwarded-prefix", "").strip().rstrip("/")
            if is_root_path(prefix):
                scope["root_path"] = prefix
        await self._app(scope, receive, send)  # pyright: ignore[reportArgumentType]


def is_root_path(path: str) -> bool:
    """Return True for a path prefix such as /danqing or /a/b."""
    return _ROOT_PATH.fullmatch(path) is not None and ".." not in path.split("/")
