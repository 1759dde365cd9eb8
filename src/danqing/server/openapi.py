"""Completes FastAPI's OpenAPI document: request bodies from `Request` and PaddleHub's parameters, limits and API keys."""

from collections.abc import Mapping
from typing import Any, cast

from danqing.paddlehub.parameters import PARAMETERS
from danqing.request import Request
from danqing.server.fields import SERVER_ONLY_FIELDS
from danqing.server.limits import Limits
from danqing.server.openai_schema import EXTRA_FIELDS, ImagesRequest
from danqing.server.routers.openai_images import ImageEvent

REF = "#/components/schemas/{model}"
DESCRIPTION = """丹青：用一句中文画一幅画。任务在持久化队列中等待；兼容 OpenAI 与 PaddleHub 的客户端。

Danqing paints a picture from a Chinese sentence. Jobs wait in a queue that survives crashes. Clients of OpenAI's images API and of
PaddleHub are supported."""

_Schema = dict[str, Any]


def customize_openapi(document: _Schema, limits: Limits, *, keyed: bool) -> _Schema:
    """Add the schemas of request bodies and the security scheme.

    Args:
        document: made by FastAPI; modified.
        limits: limits of this service.
        keyed: requests need an API key.
    Returns:
        The same document.
    """
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update(_bodies(limits))
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in cast("dict[str, dict[str, _Schema]]", document["paths"]).items():
        for operation in operations.values():
            if path not in ("/livez", "/readyz"):
                operation["security"] = [{"key": []}] if keyed else [{}, {"key": []}]
    return document


def _bodies(limits: Limits) -> dict[str, _Schema]:
    fields = _fields(limits)
    job = {name: schema for name, schema in fields.items() if name not in SERVER_ONLY_FIELDS}
    identity = {
        "type": "string",
        "format": "uuid",
        "description": "A UUID of your own; repeating the request returns the same job.",
    }
    images = _schema_of(ImagesRequest)
    extra = {name: _or_null(job[name]) for name in sorted(EXTRA_FIELDS - set(images))}
    paddle = {p.name: _or_null(fields[p.field]) for p in PARAMETERS if p.field is not None and p.field != "device"}
    paddle |= {"use_gpu": {"type": ["boolean", "null"], "description": "Validated, but the server chooses the device."}}
    paddle |= {"text_prompts": fields["prompts"]}
    return {
        "NewJob": _object({"id": identity, **job}, "prompts"),
        "NewImages": _object(
            {**{n: _or_null(s) for n, s in images.items() if n != "prompt"}, **extra, "prompt": images["prompt"]},
            "prompt",
        ),
        "PaddleHub": _object(paddle, "text_prompts"),
        "ImageEvent": ImageEvent.model_json_schema(ref_template=REF),
    }


def _fields(limits: Limits) -> dict[str, _Schema]:
    fields = {name: _described(schema) for name, schema in _schema_of(Request).items()}
    fields["prompts"] |= {"anyOf": [_SENTENCE, {"type": "array", "items": _SENTENCE, "minItems": 1, "maxItems": 20}]}
    fields["size"] |= {"anyOf": [{"type": "string", "pattern": _SIZE}, _SIDES]}
    for name in ("prompts", "size"):
        for key in ("type", "items", "prefixItems", "minItems", "maxItems"):
            fields[name].pop(key, None)
    fields["steps"]["maximum"] = limits.steps
    fields["n_batches"]["maximum"] = fields["batch_size"]["maximum"] = limits.pictures
    fields["init_image"]["description"] = "Init image: data:image/png;base64,… or plain base64; PNG, JPEG or WebP."
    fields["model"]["description"] = "A model of /v1/models; auto selects the default."
    return fields


_SENTENCE: _Schema = {"type": "string", "minLength": 1, "maxLength": 2000}
_SIZE = "^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$"
_SIDES: _Schema = {
    "type": "array",
    "items": {"type": "integer", "minimum": 64, "multipleOf": 64},
    "minItems": 2,
    "maxItems": 2,
}


def _described(schema: _Schema) -> _Schema:
    """Return the schema of a field described in both languages, without a default, because each model has its own."""
    inner = {
        key: value for key, value in schema.items() if key not in ("default", "title", "group", "unit", "zh", "en")
    }
    return {**inner, "description": f"{schema['zh']} · {schema['en']}"}


def _schema_of(model: type[Request] | type[ImagesRequest]) -> dict[str, _Schema]:
    schema = model.model_json_schema(ref_template=REF)
    assert "$defs" not in schema, "bodies must not refer to other schemas"
    return schema["properties"]


def _object(properties: Mapping[str, _Schema], *required: str) -> _Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _or_null(schema: _Schema) -> _Schema:
    if {"type": "null"} in schema.get("anyOf", ()):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}
