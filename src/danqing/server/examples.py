"""Parts of the OpenAPI document that FastAPI cannot see by itself, and the examples in it, which the tests run."""

from typing import Any

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
