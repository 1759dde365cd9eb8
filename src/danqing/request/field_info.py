"""Metadata of request fields: groups, units, help, choices and ranges; and values as texts."""

from collections.abc import Mapping
from typing import cast, get_args

from annotated_types import Ge, Le
from pydantic import WithJsonSchema

from danqing.request import Request

GROUPS = {
    "画题": "Subject",
    "画幅": "Canvas",
    "底图": "Initial image",
    "步骤": "Steps",
    "引导": "Guidance",
    "机器": "Machine",
    "保存": "Saving",
}
"""The groups of `Request` in English."""
UNITS = {"step": ("步", "steps"), "px": ("像素", "px"), "GB": ("GB", "GB")}
"""The units of its fields in Chinese and English."""


def field_info(name: str) -> Mapping[str, str]:
    """Return the metadata of a field as set by `field_help`: `group`, `zh`, `en` and `unit`."""
    return cast("Mapping[str, str]", Request.model_fields[name].json_schema_extra)


def to_text(value: object) -> str:
    """Format a value as a text that is parsed to the same value."""
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        is_size = len(items) == 2 and all(isinstance(item, int) for item in items)
        return ("x" if is_size else ",").join(to_text(item) for item in items)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return "" if value is None else str(value)


def choices(name: str) -> tuple[str, ...]:
    """Return the choices of a field; empty if it is not a choice."""
    annotation = Request.model_fields[name].annotation
    literal = next((arg for arg in get_args(annotation) if get_args(arg)), annotation)
    return tuple(str(arg) for arg in get_args(literal) if isinstance(arg, str)) or tuple(
        str(arg) for arg in get_args(annotation) if isinstance(arg, str)
    )


def range_of(name: str) -> str:
    """Return the valid values of a field: its choices, or its minimum and maximum; empty if it is not restricted."""
    field = Request.model_fields[name]
    words = choices(name)
    if words:
        return " / ".join(words)
    low = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    if low is not None and high is not None:
        return f"{low}–{high}" if name != "seed" else f"{low}–2^63-1"
    for schema in (mark.json_schema for mark in field.metadata if isinstance(mark, WithJsonSchema)):
        number = cast("dict[str, float]", (schema or {})["anyOf"][0])
        return f"{number['minimum']:g}–{number['maximum']:g}"
    return ""
