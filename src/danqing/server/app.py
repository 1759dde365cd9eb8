"""The application: all routes behind one gate, errors in one shape, the OpenAPI openapi."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

import danqing
from danqing.errors import DanqingError, InvalidRequest
from danqing.request.validation import validation_error
from danqing.server import openapi
from danqing.server.dependencies import Service, service_behind
from danqing.server.errors import Refusal, answer, language_of, to_refusal
from danqing.server.middleware import Gate
from danqing.server.routers import health, index, job_files, jobs, openai_images, paddlehub_predict


def create_app(service: Service) -> FastAPI:
    """The HTTP application over a runtime, which is started and stopped by whoever made it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncGenerator[None]:
        service.feed.start()
        try:
            yield
        finally:
            service.feed.stop()

    # No pages of FastAPI's own: they load scripts from elsewhere.
    app = FastAPI(
        title="丹青 Danqing",
        version=danqing.__version__,
        description=openapi.ABOUT,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.service = service
    for part in (index, health, jobs, job_files, openai_images, paddlehub_predict):
        app.include_router(part.router)
    for mount in service.mounts:
        app.add_route(mount.path, _into(mount.path))
        app.mount(mount.path, mount.app)
    app.add_api_route("/openapi.json", lambda: app.openapi(), include_in_schema=False)
    app.openapi = lambda: _describe(app, service)
    app.add_middleware(Gate, service=service)
    app.add_exception_handler(DanqingError, _explain)
    app.add_exception_handler(RequestValidationError, _explain)
    app.add_exception_handler(HTTPException, _explain)
    return app


def _into(path: str) -> Callable[[Request], Response]:
    """From a mount's path into it. Without a host: what this service believes of its own may not be true behind a proxy."""
    return lambda _: RedirectResponse(f"{path}/")


def _describe(app: FastAPI, service: Service) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    return openapi.complete(found, service.limits, keyed=service.keyed)


def _explain(request: Request, error: Exception) -> Response:
    """The answer to an error that was raised on purpose."""
    match error:
        case DanqingError():
            refusal = to_refusal(error)
        case RequestValidationError():
            refusal = to_refusal(_first(error))
        case HTTPException():
            refusal = _plain(error.status_code)
        case _:
            raise error
    language = language_of(request.headers, service_behind(request).settings.language)
    reply = answer(refusal, path=request.url.path, request_id=request.state.request_id, language=language)
    reply.headers.update(getattr(error, "headers", None) or {})  # 405 says what is allowed instead
    return reply


def _first(error: RequestValidationError) -> InvalidRequest:
    found = cast("ErrorDetails", error.errors()[0])
    return validation_error({**found, "loc": found["loc"][1:]})


def _plain(status: int) -> Refusal:
    match status:
        case 404:
            return Refusal(
                404, "not_found", "没有这个地址。看 /openapi.json。", "There is no such address. See /openapi.json."
            )
        case 405:
            return Refusal(
                405, "method", "这个地址不这样用。看 /openapi.json。", "Not with this method. See /openapi.json."
            )
        case _:
            return Refusal(status, "http", "请求不对。", "The request cannot be used.")
