"""The studio as an ASGI application: static files and the schema of its form. The page only sends requests to this service."""

import json
from collections.abc import Collection
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from danqing.errors import DanqingError
from danqing.settings import Settings
from danqing.webui.form_schema import FormSchema, form_groups, model_choices
from danqing.webui.sample_pictures import FOLDER

PATH = "/ui"
"""Path at which the studio is mounted; it requests the routes of the service below /v1."""
TITLE = "画室 Studio"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy: only files of the studio, and requests to this service."""

_PAGE = Path(__file__).parent / "page"
# Not guessed by the system: on some, .js is registered as plain text, which browsers do not run.
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


def create_studio(settings: Settings, *, hidden: Collection[str] = ()) -> ASGIApp:
    """Create the studio, to be mounted at `PATH` of a service.

    Args:
        settings: location of the models whose defaults are shown.
        hidden: fields of a request that only the server sets.
    """
    files = {file.name: file for folder in (_PAGE, FOLDER) for file in folder.iterdir() if file.suffix in _TYPES}
    groups = form_groups(hidden)

    def get_file(request: Request) -> Response:
        file = files.get(request.path_params.get("name", "index.html"))
        if file is None:
            raise HTTPException(404)
        return _response(file.read_bytes(), _TYPES[file.suffix])

    def get_form(request: Request) -> Response:
        try:
            schema = FormSchema(groups=groups, models=model_choices(settings))
        except DanqingError as error:  # models.yaml is invalid
            english = request.headers.get("accept-language", "").startswith("en")
            body = {"error": {"message": error.in_language("en" if english else "zh")}}
            return _response(json.dumps(body).encode(), "application/json", status=500)
        return _response(schema.model_dump_json().encode(), "application/json")

    async def not_found(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for HTTPException only"
        return _response(b"", "text/plain", status=error.status_code)

    routes = [Route("/form.json", get_form), Route("/", get_file), Route("/{name}", get_file)]
    compression = Middleware(GZipMiddleware, minimum_size=1000)
    return Starlette(routes=routes, exception_handlers={HTTPException: not_found}, middleware=[compression])


def _response(content: bytes, kind: str, *, status: int = 200) -> Response:
    media_type = kind if kind == "image/webp" else f"{kind}; charset=utf-8"
    return Response(content, status, {"Content-Security-Policy": POLICY}, media_type)
