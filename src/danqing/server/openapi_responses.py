"""Responses and examples of routes in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel

from danqing.server.errors import ErrorResponse

_DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "An API key is missing or invalid.",
    403: "The host or origin is not allowed.",
    404: "There is no such job, image or model.",
    408: "The body took too long to arrive.",
    409: "The state of the job does not allow this, or the ID is used by another request.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A value is invalid; see `param`.",
    429: "Too many unfinished jobs of this API key; see Retry-After.",
    500: "Painting failed.",
    503: "The queue is full, the disk is full, or the service is stopping; see Retry-After.",
}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}

READ_ERRORS = (401, 403, 413)
"""Errors of every route except public ones."""
FIND_ERRORS = (*READ_ERRORS, 404, 422)
CHANGE_ERRORS = (*FIND_ERRORS, 409, 415, 503)
CREATE_ERRORS = (400, *CHANGE_ERRORS, 408, 429)
"""Errors of routes that submit a job."""


def error_responses(*statuses: int, model: type[BaseModel] = ErrorResponse) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route."""
    return {status: _error_response(status, model) for status in sorted(statuses)}


def _error_response(status: int, model: type[BaseModel]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _DESCRIPTIONS[status], "model": model}
    return {**response, "headers": _RETRY} if status in (429, 503) else response


JOB: dict[str, Any] = {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "steps": 20, "seed": 7}
IMAGE: dict[str, Any] = {"prompt": "远山如黛", "n": 1, "size": "64x64", "steps": 20, "seed": 7}
PREDICT: dict[str, Any] = {"text_prompts": "孤舟蓑笠翁，独钓寒江雪。", "artist": "齐白石", "steps": 20}

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Disable buffering in proxies, which would delay the events."""


def body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a JSON body whose schema is in the components of the document."""
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def event_stream(description: str) -> dict[str, Any]:
    """Return the description of a response of server-sent events."""
    return {"description": description, "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def file(description: str, *kinds: str) -> dict[str, Any]:
    """Return the description of a file response."""
    schema = {"type": "string", "format": "binary"}
    headers = {"ETag": {"description": "Changes with the file.", "schema": {"type": "string"}}}
    return {"description": description, "headers": headers, "content": {kind: {"schema": schema} for kind in kinds}}
