"""What stands before every route: a number for each request, the host and origin it may come from, and its key."""

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
from danqing.server.dependencies import Service
from danqing.server.errors import Refusal, answer, language_of, to_refusal
from danqing.server.request_body import too_large

OPEN = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/favicon.ico"})
"""Paths that need no key; every other does, also those that do not exist."""
GONE = 499
"""Status in the log of a request whose caller went away before it was answered."""
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "SAMEORIGIN"}

_log = logging.getLogger(__name__)


class Gate:
    """ASGI middleware: lets a request in or answers it, and writes one line of log for it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        passage = _Passage(send, given if _ID.fullmatch(given) else secrets.token_hex(8))
        state = scope.setdefault("state", {})
        state.update(request_id=passage.id, owner="")
        try:
            state["owner"] = self._admit(scope, headers)
            await self._app(scope, receive, passage.send)
        except DanqingError as error:
            await self._turn_away(error, scope, passage)
        except ClientDisconnect:
            passage.status = passage.status or GONE
        except Exception:
            # Of a fault the caller learns only the request's number, which stands in the log with the traceback.
            _log.exception("fault", extra={"request_id": passage.id, "path": scope["path"]})
            if passage.status:  # the answer has begun: all that is left is to break off
                raise
            zh = "服务出错了。请把编号告诉管理员。"
            fault = Refusal(500, "fault", zh, "The service failed. Tell its keeper the request's number.")
            await self._turn_away(fault, scope, passage)
        finally:
            self._note(scope, passage, state["owner"])

    async def _turn_away(self, error: DanqingError, scope: Scope, passage: "_Passage") -> None:
        language = language_of(Headers(scope=scope), self._service.settings.language)
        reply = answer(to_refusal(error), path=scope["path"], request_id=passage.id, language=language)
        await reply(scope, _nothing_more, passage.send)

    def _admit(self, scope: Scope, headers: Headers) -> str:
        """The name of the caller's key.

        Raises:
            Refusal: 403 for a foreign host or page, 401 without a key, 413 and 415 for bodies that will not be read.
        """
        host = host_name(headers.get("host", ""))
        if self._service.names and host not in self._service.names:
            zh = f"这里不叫 {host[:80]}。请用 127.0.0.1，或启动时加 --name {host[:80]}。"
            en = f"This is not {host[:80]!r}. Use 127.0.0.1, or start the service with --name {host[:80]}."
            raise Refusal(403, "foreign_host", zh, en)
        if scope["method"] in CHANGING:
            _check_origin(headers)
            _check_kind(scope["path"], headers)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._service.limits.body:
            raise too_large(self._service.limits.body)
        return self._owner(scope["path"], headers)

    def _owner(self, path: str, headers: Headers) -> str:
        if path in OPEN or self._mounted(path) or not self._service.keyed:
            return ""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        owner = self._service.keys.owner(text.strip()) if scheme.lower() == "bearer" else None
        if owner is None:
            raise Refusal(
                401,
                "no_key",
                "要有钥匙：请加请求头 Authorization: Bearer <钥匙>，钥匙用 danqing serve keys add 新建。",
                "A key is needed: send the header Authorization: Bearer KEY; danqing serve keys add makes one.",
            )
        return owner

    def _mounted(self, path: str) -> bool:
        """Whether a path belongs to what is mounted here for everybody."""
        return any(f"{path}/".startswith(f"{mount.path}/") for mount in self._service.mounts if mount.open)

    def _note(self, scope: Scope, passage: "_Passage", owner: str) -> None:
        seconds = time.perf_counter() - passage.began
        route = getattr(scope.get("route"), "path", "-")
        self._service.meters.count(method=scope["method"], route=route, status=passage.status, seconds=seconds)
        _log.info(
            "request",
            extra={
                "request_id": passage.id,
                "method": scope["method"],
                "path": scope["path"],
                "status": passage.status,
                "ms": round(seconds * 1000, 1),
                "key": owner,
            },
        )


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


class _Passage:
    """One answer on its way out: its status, and the headers that all answers carry."""

    def __init__(self, send: Send, id: str) -> None:
        self.id = id
        self.status = 0
        self.began = time.perf_counter()
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host of that name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def host_name(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _check_origin(headers: Headers) -> None:
    """A page of another site may not make a visitor's browser change anything here."""
    scheme, slashes, origin = headers.get("origin", "").lower().partition("://")
    foreign = bool(scheme) and (not slashes or origin != headers.get("host", "").lower())
    if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        zh, en = "别的网站的网页不能在这里作画。", "Pages of other sites may not paint here."
        raise Refusal(403, "foreign_origin", zh, en)


def _check_kind(path: str, headers: Headers) -> None:
    """Bodies are JSON: what a form on some page could send is refused. PaddleHub's route says so in its own way."""
    kind = headers.get("content-type")
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    if not path.startswith("/v1/") or (kind is None and empty):
        return
    if not is_json(kind or ""):
        zh, en = "只收 Content-Type: application/json。", "Only Content-Type: application/json is read."
        raise Refusal(415, "not_json", zh, en)


def is_json(kind: str) -> bool:
    """Whether a Content-Type is JSON."""
    return kind.partition(";")[0].strip().lower() == "application/json"
