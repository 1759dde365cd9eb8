"""Metadata of request fields: groups, units, help, choices and ranges; and values as texts."""

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from annotated_types import Ge, Le
from pydantic import WithJsonSchema

from danqing.finishing.options import to_english
from danqing.i18n import Text
from danqing.request import Request
from danqing.schedule import Schedule

GROUPS = {
    "画题": "Prompt",
    "画幅": "Canvas",
    "底图": "Initial image",
    "步骤": "Steps",
    "引导": "Guidance",
    "题款装裱": "Inscription, seal, mount",
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
    return tuple(str(arg) for arg in get_args(literal) if isinstance(arg, str | int)) or tuple(
        str(arg) for arg in get_args(annotation) if isinstance(arg, str)
    )


def is_schedule(name: str) -> bool:
    """Return True if a field takes a schedule; it may also be optional."""
    return bool(_schedule_metadata(name))


def _schedule_metadata(name: str) -> Sequence[object]:
    """Return the validators and the schema of a schedule field; empty for other fields."""
    field = Request.model_fields[name]
    optional = [get_args(arg) for arg in get_args(field.annotation) if Schedule in get_args(arg)]
    return field.metadata if field.annotation is Schedule else optional[0] if optional else ()


def english_choices(name: str) -> tuple[str, ...]:
    """Return the choices of a field by their English names, which are accepted too."""
    return tuple(to_english(name, choice) for choice in choices(name))


def unit_of(name: str) -> Text:
    """Return the unit of a field; empty without one."""
    return Text(*UNITS.get(field_info(name)["unit"], ("", "")))


def range_of(name: str) -> Text:
    """Return the valid values of a field: its choices, or its minimum and maximum; empty if it is not restricted."""
    if choices(name):
        return Text(" / ".join(choices(name)), " / ".join(english_choices(name)))
    limits = _limits_of(name)
    return Text(limits, limits)


def _limits_of(name: str) -> str:
    field = Request.model_fields[name]
    low = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    if low is not None and high is not None:
        return f"{low}–{high}" if name != "seed" else f"{low}–2^63-1"
    for schema in (mark.json_schema for mark in _schedule_metadata(name) if isinstance(mark, WithJsonSchema)):
        number = cast("dict[str, float]", (schema or {})["anyOf"][0])
        return f"{number['minimum']:g}–{number['maximum']:g}"
    return ""
