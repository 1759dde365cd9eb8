"""Descriptions of responses that FastAPI cannot derive from the routes: errors, files and event streams."""

from typing import Any

from fastapi.openapi.models import Example
from pydantic import BaseModel

from danqing.server.errors import ErrorResponse

_DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "An API key is missing or invalid.",
    403: "The host or origin is not allowed.",
    404: "There is no such job, image or model.",
    405: "The address does not support this method; also if a number in it is negative.",
    408: "The body took too long to arrive.",
    409: "The state of the job does not allow this, or the ID is used by another request.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A value is invalid; see `param`.",
    429: "Too many unfinished jobs of this API key; see Retry-After.",
    500: "Painting failed.",
    503: "The queue is full, the disk is full, or the service is stopping; see Retry-After.",
}
_REF = "#/components/schemas/{model}"
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


STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Disable buffering in proxies, which would delay the events."""


def example(body: dict[str, Any]) -> dict[str, Example]:
    """Return the only example of a body, as FastAPI's `openapi_examples` takes it."""
    return {"example": {"value": body}}


def event_stream(description: str, event: type[BaseModel] | None = None) -> dict[str, Any]:
    """Return the description of a response of server-sent events.

    Args:
        description: of the response.
        event: data of an event; models in its fields must be part of the document.
    """
    schema = {} if event is None else event.model_json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    return {"description": description, "content": {"text/event-stream": {"schema": schema}}}


def file(description: str, *kinds: str) -> dict[str, Any]:
    """Return the description of a file response."""
    schema = {"type": "string", "format": "binary"}
    headers = {"ETag": {"description": "Changes with the file.", "schema": {"type": "string"}}}
    return {"description": description, "headers": headers, "content": {kind: {"schema": schema} for kind in kinds}}
