"""Which errors a route may answer with, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel

from danqing.server.refusal import ErrorAnswer

_MEANING = {
    400: "The body is not JSON.",
    401: "A key is needed, or this one is not known.",
    403: "Another host or site than this one.",
    404: "There is no such job, picture or model.",
    408: "The body took too long to arrive.",
    409: "Not in the state for that, or the id is taken.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A value cannot be used; `param` names it.",
    429: "Too many unfinished jobs of this key; see Retry-After.",
    500: "Painting failed.",
    503: "The queue is full, the disk is full, or the service is stopping; see Retry-After.",
}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}

READS = (401, 403, 413)
"""What any route but the open ones may answer."""
FINDS = (*READS, 404, 422)
CHANGES = (*FINDS, 409, 415, 503)
TAKES = (400, *CHANGES, 408, 429)
"""Routes that put a job into the queue."""


def problems(*statuses: int, model: type[BaseModel] = ErrorAnswer) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route."""
    return {status: _problem(status, model) for status in sorted(statuses)}


def _problem(status: int, model: type[BaseModel]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _MEANING[status], "model": model}
    return {**response, "headers": _RETRY} if status in (429, 503) else response
