"""Which errors a route may answer with, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel

from danqing.server.errors import ErrorAnswer

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


JOB: dict[str, Any] = {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "steps": 20, "seed": 7}
IMAGE: dict[str, Any] = {"prompt": "远山如黛", "n": 1, "size": "64x64", "steps": 20, "seed": 7}
PREDICT: dict[str, Any] = {"text_prompts": "孤舟蓑笠翁，独钓寒江雪。", "artist": "齐白石", "steps": 20}

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that gathers an answer before it passes it on would hold the events back."""


def body(schema: str, example: dict[str, Any]) -> dict[str, Any]:
    """The description of a JSON body whose schema stands in the document's components."""
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def event_stream(description: str) -> dict[str, Any]:
    """An answer of server-sent events."""
    return {"description": description, "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def file(description: str, *kinds: str) -> dict[str, Any]:
    """An answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    headers = {"ETag": {"description": "Changes with the file.", "schema": {"type": "string"}}}
    return {"description": description, "headers": headers, "content": {kind: {"schema": schema} for kind in kinds}}
