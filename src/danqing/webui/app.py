"""The studio as an ASGI application: a page of our own files, and its controls as JSON. It reaches nothing but this service."""

from collections.abc import Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from danqing.settings import Settings
from danqing.webui.controls import Board, groups_of, painters

PATH = "/ui"
"""Where the studio is mounted: its files find the service's routes beside it, at /v1."""
TITLE = "画室 Studio"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: load our own files and call this service."""

_PAGE = Path(__file__).parent / "page"


def create_studio(settings: Settings, *, hidden: Collection[str] = ()) -> ASGIApp:
    """The studio, to be mounted at `PATH` of a service.

    Args:
        settings: where the models lie whose defaults are shown.
        hidden: fields of a request that the service decides.
    """
    groups = groups_of(hidden)

    def controls(_: Request) -> Response:
        board = Board(groups=groups, models=painters(settings))
        return Response(board.model_dump_json(), media_type="application/json")

    files = Mount("/", StaticFiles(directory=_PAGE, html=True))
    return _Guarded(Starlette(routes=[Route("/controls.json", controls), files]))


class _Guarded:
    """ASGI middleware: every answer carries the policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY
            await send(message)

        await self._app(scope, receive, with_policy)
