"""The studio as an ASGI application: a page of our own files, and its controls as JSON. It reaches nothing but this service."""

import json
from collections.abc import Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from danqing.errors import DanqingError
from danqing.settings import Settings
from danqing.webui.form_schema import FormSchema, form_groups, model_choices

PATH = "/ui"
"""Where the studio is mounted: it finds the service's routes at /v1."""
TITLE = "画室 Studio"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: load our own files and call this service."""

_PAGE = Path(__file__).parent / "page"
# Not left to the machine: where it believes that scripts are plain text, browsers refuse them.
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def create_studio(settings: Settings, *, hidden: Collection[str] = ()) -> ASGIApp:
    """The studio, to be mounted at `PATH` of a service.

    Args:
        settings: where the models lie whose defaults are shown.
        hidden: fields of a request that the service decides.
    """
    files = {file.name: file for file in _PAGE.iterdir() if file.suffix in _TYPES}
    groups = form_groups(hidden)

    def show(request: Request) -> Response:
        file = files.get(request.path_params.get("name", "index.html"))
        if file is None:
            raise HTTPException(404)
        return _answer(file.read_bytes(), _TYPES[file.suffix])

    def controls(request: Request) -> Response:
        try:
            board = FormSchema(groups=groups, models=model_choices(settings))
        except DanqingError as error:  # the user's file of models has a mistake
            english = request.headers.get("accept-language", "").startswith("en")
            problem = {"error": {"message": error.in_language("en" if english else "zh")}}
            return _answer(json.dumps(problem).encode(), "application/json", status=500)
        return _answer(board.model_dump_json().encode(), "application/json")

    async def missing(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "it is asked for nothing else"
        return _answer(b"", "text/plain", status=error.status_code)

    routes = [Route("/form.json", controls), Route("/", show), Route("/{name}", show)]
    return Starlette(routes=routes, exception_handlers={HTTPException: missing})


def _answer(content: bytes, kind: str, *, status: int = 200) -> Response:
    return Response(content, status, {"Content-Security-Policy": POLICY}, f"{kind}; charset=utf-8")
