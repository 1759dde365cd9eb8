"""Security middleware: request IDs, allowed hosts and origins, API keys, HEAD, and the request log."""

import asyncio
import ipaddress
import logging
import re
import secrets
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from danqing.errors import DanqingError
from danqing.server.dependencies import ServerContext
from danqing.server.errors import ApiError, error_response, language_of, to_api_error, too_large

PUBLIC_PATHS = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/favicon.ico"})
"""Paths that need no API key. Every other path needs one, including paths that do not exist."""
PROBES = frozenset({"/livez", "/readyz"})
"""Paths that are answered before the requests that wait for their turn."""
CLIENT_CLOSED = 499
"""Status logged if the client disconnected before the response."""
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "SAMEORIGIN"}

_log = logging.getLogger(__name__)


class SecurityMiddleware:
    """ASGI middleware that accepts or rejects each request and logs it."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = self._set_root_path(scope)
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        response = _ResponseTracker(send, given if _ID.fullmatch(given) else secrets.token_hex(8), scope["method"])
        state = scope.setdefault("state", {})
        state.update(request_id=response.id, owner="")
        try:
            if path not in PROBES:
                await self._context.wait_for_turn()
            state["owner"] = self._authorize(scope, path, headers)
            if scope["method"] == "HEAD":
                await self._app({**scope, "method": "GET"}, response.receive_head, response.send)
            else:
                await self._app(scope, receive, response.send)
        except DanqingError as error:
            await self._send_error(error, scope, path, response)
        except ClientDisconnect:
            response.status = response.status or CLIENT_CLOSED
        except Exception:
            # The client gets only the request ID; the traceback is logged with it.
            _log.exception("internal_error", extra={"request_id": response.id, "path": path})
            if response.status:  # the response has begun: the only way to report an error is to close the connection
                raise
            zh = "内部错误。请把请求编号告诉管理员。"
            en = "Internal error. Report this request ID to the administrator."
            await self._send_error(ApiError(500, "internal_error", zh, en), scope, path, response)
        finally:
            self._log_request(scope, path, response)

    def _set_root_path(self, scope: Scope) -> str:
        """Add the root path to the scope, whether the proxy removed it or not, and return the path without it."""
        root, path = scope["root_path"] or self._context.root_path, scope["path"]
        if not root:
            return path
        if path == root or path.startswith(f"{root}/"):
            path = path.removeprefix(root) or "/"
        scope.update(root_path=root, path=f"{root}{path}", raw_path=None)
        return path

    async def _send_error(self, error: DanqingError, scope: Scope, path: str, response: "_ResponseTracker") -> None:
        language = language_of(Headers(scope=scope), self._context.settings.language)
        reply = error_response(to_api_error(error), path=path, request_id=response.id, language=language)
        await reply(scope, response.receive_head, response.send)

    def _authorize(self, scope: Scope, path: str, headers: Headers) -> str:
        """Return the name of the request's API key.

        Raises:
            ApiError: 403 for another host or origin, 401 without a valid key, 413 for a large body.
        """
        host = host_name(headers.get("host", ""))
        if self._context.allowed_hosts and host not in self._context.allowed_hosts:
            zh = f"不接受主机名 {host[:80]}。请用 127.0.0.1 访问，或启动服务时加 --name {host[:80]}。"
            en = f"Host {host[:80]!r} is not allowed. Use 127.0.0.1, or start the service with --name {host[:80]}."
            raise ApiError(403, "foreign_host", zh, en)
        if scope["method"] in UNSAFE_METHODS:
            _check_origin(headers)
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 15 or int(length) > self._context.limits.body):
            raise too_large(self._context.limits.body)
        return self._find_owner(scope, path, headers)

    def _find_owner(self, scope: Scope, path: str, headers: Headers) -> str:
        if path in PUBLIC_PATHS or self._is_mounted(path) or not self._context.requires_key:
            return ""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        owner = self._context.api_keys.find_owner(text.strip()) if scheme.lower() == "bearer" else None
        if owner is not None:
            return owner
        query = scope["query_string"].decode("latin-1")
        if scope["method"] in ("GET", "HEAD") and self._context.links.is_valid(path, query):
            return ""
        raise ApiError(
            401,
            "no_key",
            "需要密钥：请发送请求头 Authorization: Bearer <密钥>。密钥用 danqing serve keys add 创建。",
            "An API key is required. Send the header Authorization: Bearer KEY; create one with danqing serve keys add.",
        )

    def _is_mounted(self, path: str) -> bool:
        """Return True if a path belongs to a public mount."""
        return any(f"{path}/".startswith(f"{mount.path}/") for mount in self._context.mounts if mount.public)

    def _log_request(self, scope: Scope, path: str, response: "_ResponseTracker") -> None:
        seconds = time.perf_counter() - response.began
        route = getattr(scope.get("route"), "path", "-")
        self._context.metrics.observe(method=scope["method"], route=route, status=response.status, seconds=seconds)
        if not self._context.log_requests and response.status < 500:
            return
        extra = {
            "request_id": response.id,
            "method": scope["method"][:20],
            "path": path[:500],
            "status": response.status,
            "ms": round(seconds * 1000, 1),
            "key": scope["state"]["owner"],
        }
        _log.info("request", extra=extra)


class _ResponseTracker:
    """Sends a response with the headers common to all responses, without its body for HEAD, and records its status."""

    def __init__(self, send: Send, id: str, method: str) -> None:
        self.id = id
        self.status = 0
        self.began = time.perf_counter()
        self._send = send
        self._head = method == "HEAD"
        self._ended = asyncio.Event()
        self._received = False

    async def send(self, message: Message) -> None:
        """Forward one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            await self._send(message)
            if self._head:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                self._ended.set()
        elif not self._head:
            await self._send(message)

    async def receive_head(self) -> Message:
        """Receive an empty body, then a disconnect once the headers were sent: a stream ends then."""
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._ended.wait()
        return {"type": "http.disconnect"}


def is_loopback(host: str) -> bool:
    """Return True if only this machine can connect to a host name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def host_name(host: str) -> str:
    """Return the name in a Host header without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _check_origin(headers: Headers) -> None:
    """Reject requests that a page of another site makes a visitor's browser send."""
    scheme, slashes, origin = headers.get("origin", "").lower().partition("://")
    foreign = bool(scheme) and (not slashes or origin != headers.get("host", "").lower())
    if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        zh, en = "不接受其他网站的网页发来的请求。", "Requests from pages of other sites are not accepted."
        raise ApiError(403, "foreign_origin", zh, en)
