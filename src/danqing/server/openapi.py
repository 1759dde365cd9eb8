"""The OpenAPI document: the bodies, made from `Request` and PaddleHub's parameters, with the limits of this service in them."""

from collections.abc import Mapping
from typing import Any, cast

from danqing.paddlehub.parameters import PARAMETERS
from danqing.request import Request
from danqing.server.limits import Limits
from danqing.server.openai_schema import OURS, Wish
from danqing.server.request_parsing import SERVERS_OWN
from danqing.server.routers.openai_images import ImageEvent

REF = "#/components/schemas/{model}"
ABOUT = """丹青：用一句中文画一幅画。任务排队来画，掉电不丢；OpenAI 与 PaddleHub 的客户端照旧可用。

Danqing paints a picture from a Chinese sentence. Jobs wait in a queue that survives a crash; clients of OpenAI's images and of
PaddleHub work as they are."""

_Schema = dict[str, Any]


def complete(document: _Schema, limits: Limits, *, keyed: bool) -> _Schema:
    """Add the bodies that routes name, and the key if there is one.

    Args:
        document: as FastAPI made it; it is changed.
        limits: bounds of this service.
        keyed: whether callers need a key.
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
    job = {name: schema for name, schema in fields.items() if name not in SERVERS_OWN}
    identity = {"type": "string", "format": "uuid", "description": "A UUID of your own: asking twice paints once."}
    wish = _schema_of(Wish)
    ours = {name: _or_null(job[name]) for name in sorted(OURS)}
    paddle = {p.name: _or_null(fields[p.field]) for p in PARAMETERS if p.field is not None and p.field != "device"}
    paddle |= {"use_gpu": {"type": ["boolean", "null"], "description": "Read, but the server decides."}}
    paddle |= {"text_prompts": fields["prompts"]}
    return {
        "NewJob": _object({"id": identity, **job}, "prompts"),
        "NewImages": _object(
            {**{n: _or_null(s) for n, s in wish.items() if n != "prompt"}, **ours, "prompt": wish["prompt"]}, "prompt"
        ),
        "PaddleHub": _object(paddle, "text_prompts"),
        "ImageEvent": ImageEvent.model_json_schema(ref_template=REF),
    }


def _fields(limits: Limits) -> dict[str, _Schema]:
    fields = {name: _explained(schema) for name, schema in _schema_of(Request).items()}
    fields["prompts"] |= {"anyOf": [_SENTENCE, {"type": "array", "items": _SENTENCE, "minItems": 1, "maxItems": 20}]}
    fields["size"] |= {"anyOf": [{"type": "string", "pattern": _SIZE}, _SIDES]}
    for name in ("prompts", "size"):
        for key in ("type", "items", "prefixItems", "minItems", "maxItems"):
            fields[name].pop(key, None)
    fields["steps"]["maximum"] = limits.steps
    fields["n_batches"]["maximum"] = fields["batch_size"]["maximum"] = limits.pictures
    fields["init_image"]["description"] = "A start picture: data:image/png;base64,… or plain base64; PNG, JPEG or WebP."
    fields["model"]["description"] = "A model of /v1/models; auto takes the default."
    return fields


_SENTENCE: _Schema = {"type": "string", "minLength": 1, "maxLength": 2000}
_SIZE = "^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$"
_SIDES: _Schema = {
    "type": "array",
    "items": {"type": "integer", "minimum": 64, "multipleOf": 64},
    "minItems": 2,
    "maxItems": 2,
}


def _explained(schema: _Schema) -> _Schema:
    """A field as the document shows it: in both languages, and without a default, since each model has its own."""
    inner = {
        key: value for key, value in schema.items() if key not in ("default", "title", "group", "unit", "zh", "en")
    }
    return {**inner, "description": f"{schema['zh']} · {schema['en']}"}


def _schema_of(model: type[Request] | type[Wish]) -> dict[str, _Schema]:
    schema = model.model_json_schema(ref_template=REF)
    assert "$defs" not in schema, "bodies stand for themselves"
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
