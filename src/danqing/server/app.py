"""The FastAPI application: routes, security middleware, error handlers and the OpenAPI document."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

import danqing
from danqing.errors import DanqingError, InvalidRequest
from danqing.request.validation import validation_error
from danqing.server.dependencies import ApiKey, ServerContext, context_of
from danqing.server.errors import ApiError, error_response, language_of, to_api_error
from danqing.server.middleware import SecurityMiddleware
from danqing.server.routers import (
    a1111,
    archives,
    check,
    favourites,
    health,
    job_files,
    jobs,
    openai_edits,
    openai_images,
    paddlehub_predict,
    poems,
    queue,
)

DESCRIPTION = """丹青：用一句中文画一幅画。任务在持久化队列中等待；兼容 OpenAI 与 PaddleHub 的客户端。

Danqing paints a picture from a Chinese sentence. Jobs wait in a queue that survives crashes. Clients of OpenAI's images API and of
PaddleHub are supported."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def create_app(context: ServerContext) -> FastAPI:
    """Create the application. The caller starts and stops `context.runner`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        # FastAPI prepares the routes of a router when it is first asked for one, which takes 0.2 seconds in all.
        for route in app.routes:
            route.matches({"type": "http", "method": "GET", "path": "/"})
        context.job_events.start()
        try:
            yield
        finally:
            context.job_events.stop()
            context.probe_threads.shutdown(wait=False)
            context.parsing.shutdown(wait=False)

    # FastAPI's own documentation pages are disabled: they load scripts from other hosts.
    app = FastAPI(
        title="丹青 Danqing",
        version=danqing.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        servers=[{"url": context.root_path}] if context.root_path else None,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.context = context
    app.include_router(health.router)
    for module in (
        check,
        poems,
        jobs,
        queue,
        favourites,
        job_files,
        archives,
        openai_images,
        openai_edits,
        paddlehub_predict,
        a1111,
    ):
        app.include_router(module.router, dependencies=[ApiKey])
    start = context.mounts[0].path + "/" if context.mounts else "/openapi.json"
    app.add_route("/", _redirect(start))
    app.add_route("/favicon.ico", lambda _: Response(status_code=204))
    for mount in context.mounts:
        app.add_route(mount.path, _redirect(f"{mount.path}/"))
        app.mount(mount.path, mount.app)
    # FastAPI's own route makes the document in the event loop, which would delay probes by 0.4 seconds.
    app.add_api_route("/openapi.json", lambda: JSONResponse(_openapi_document(app, context)), include_in_schema=False)
    app.add_middleware(SecurityMiddleware, context=context)
    app.add_exception_handler(DanqingError, _handle_error)
    app.add_exception_handler(RequestValidationError, _handle_error)
    app.add_exception_handler(HTTPException, _handle_error)
    return app


def _openapi_document(app: FastAPI, context: ServerContext) -> dict[str, Any]:
    """Return the OpenAPI document; without API keys, the one that it declares is optional on every route."""
    document = app.openapi()
    if context.api_keys.list():
        return document

    def without_key(operation: dict[str, Any]) -> dict[str, Any]:
        return {**operation, "security": [{}, *operation["security"]]} if "security" in operation else operation

    paths = {
        path: {method: without_key(operation) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return {**document, "paths": paths}


def _redirect(path: str) -> Callable[[Request], Response]:
    """Return a handler that redirects to a path below the root path. The host is omitted: a proxy may publish another one."""
    return lambda request: RedirectResponse(f"{request.scope['root_path']}{path}")


async def _handle_error(request: Request, error: Exception) -> Response:
    """Return the response for an expected error. Async, so that it does not use a thread."""
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
