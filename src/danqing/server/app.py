"""The FastAPI application: routes, security middleware, error handlers and the OpenAPI document."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

import danqing
from danqing.errors import DanqingError, InvalidRequest
from danqing.request.validation import validation_error
from danqing.server import openapi
from danqing.server.dependencies import ServerContext, context_of
from danqing.server.errors import ApiError, error_response, language_of, to_api_error
from danqing.server.middleware import SecurityMiddleware
from danqing.server.routers import health, job_files, jobs, openai_images, paddlehub_predict

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def create_app(context: ServerContext) -> FastAPI:
    """Create the application. The caller starts and stops `context.runner`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        context.job_events.start()
        try:
            yield
        finally:
            context.job_events.stop()
            context.probe_threads.shutdown(wait=False)

    # FastAPI's own documentation pages are disabled: they load scripts from other hosts.
    app = FastAPI(
        title="丹青 Danqing",
        version=danqing.__version__,
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=context.limits.body,
    )
    app.state.context = context
    for module in (health, jobs, job_files, openai_images, paddlehub_predict):
        app.include_router(module.router)
    start = context.mounts[0].path + "/" if context.mounts else "/openapi.json"
    app.add_route("/", _redirect(f"{context.root_path}{start}"))
    app.add_route("/favicon.ico", lambda _: Response(status_code=204))
    for mount in context.mounts:
        app.add_route(mount.path, _redirect(f"{context.root_path}{mount.path}/"))
        app.mount(mount.path, mount.app)
    app.add_api_route("/openapi.json", lambda: app.openapi(), include_in_schema=False)
    app.openapi = lambda: _openapi(app, context)
    app.add_middleware(SecurityMiddleware, context=context)
    app.add_exception_handler(DanqingError, _handle_error)
    app.add_exception_handler(RequestValidationError, _handle_error)
    app.add_exception_handler(HTTPException, _handle_error)
    return app


def _redirect(path: str) -> Callable[[Request], Response]:
    """Return a handler that redirects to a path. The host is omitted, because a proxy may publish another one."""
    return lambda _: RedirectResponse(path)


def _openapi(app: FastAPI, context: ServerContext) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    if context.root_path:
        document["servers"] = [{"url": context.root_path}]
    return openapi.customize_openapi(document, context.limits, keyed=context.requires_key)


def _handle_error(request: Request, error: Exception) -> Response:
    """Return the response for an expected error."""
    headers = dict(getattr(error, "headers", None) or {})
    match error:
        case DanqingError():
            api_error = to_api_error(error)
        case RequestValidationError():
            api_error = to_api_error(_first_error(error))
        case HTTPException():
            api_error = _http_error(error.status_code)
            if error.status_code == 405:
                headers["Allow"] = ", ".join(_allowed_methods(cast("FastAPI", request.app), request.scope))
        case _:
            raise error
    language = language_of(request.headers, context_of(request).settings.language)
    path = request.scope["path"].removeprefix(context_of(request).root_path)
    reply = error_response(api_error, path=path, request_id=request.state.request_id, language=language)
    reply.headers.update(headers)
    return reply


def _allowed_methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return all methods of a path; it can have several routes."""
    methods = [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.router.routes)
    ]
    return ["GET", "HEAD", *methods[1:]] if "GET" in methods else methods


def _first_error(error: RequestValidationError) -> InvalidRequest:
    details = cast("ErrorDetails", error.errors()[0])
    return validation_error({**details, "loc": details["loc"][1:]})


def _http_error(status: int) -> ApiError:
    match status:
        case 404:
            zh, en = "地址不存在。所有地址见 /openapi.json。", "Not found. See /openapi.json for all routes."
            return ApiError(404, "not_found", zh, en)
        case 405:
            zh, en = "这个地址不支持此方法。见 /openapi.json。", "Method not allowed. See /openapi.json."
            return ApiError(405, "method", zh, en)
        case 413:
            return ApiError(413, "too_large", "请求体太大。", "The request body is too large.")
        case _:
            return ApiError(status, "http", "请求无效。", "Invalid request.")
