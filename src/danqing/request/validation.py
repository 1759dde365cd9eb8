"""What is wrong with a request, in words that help: unknown names with the nearest one, ranges, types."""

import difflib
from collections.abc import Collection

from pydantic_core import ErrorDetails

from danqing.errors import InvalidRequest

_RENAMED = {
    "text_prompts": "prompts",
    "prompt": "prompts",
    "width_height": "size",
    "diffusion_sampling_mode": "sampler",
    "use_gpu": "device",
    "transformation_percent": "symmetry_at",
    "use_secondary_model": "use_secondary",
}


def unknown_field_error(name: str, known: Collection[str]) -> InvalidRequest:
    """The error for a name that is no field, with the nearest one that is."""
    near = _RENAMED.get(name) or next(iter(difflib.get_close_matches(name, known, 1, 0.5)), None)
    return InvalidRequest(
        f"没有“{name}”这个参数" + (f"，是不是 {near}？" if near else "。用 danqing draw --help 看全部参数。"),
        f"There is no parameter {name!r}"
        + (f"; did you mean {near}?" if near else ". See danqing draw --help for all."),
        field=name,
    )


# pydantic's error types in words; {…} are filled from the error's own context.
_ZH = {
    "missing": "没有给",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "literal_error": "只能是 {expected}",
    "int_parsing": "要是整数",
    "int_type": "要是整数",
    "int_from_float": "要是整数",
    "float_parsing": "要是数",
    "float_type": "要是数",
    "finite_number": "要是有限的数",
    "bool_parsing": "要是 true 或 false",
    "bool_type": "要是 true 或 false",
    "string_type": "要是文字",
    "string_unicode": "要是文字",
    "string_too_long": "最多 {max_length} 个字",
    "tuple_type": "要是一个列表",
    "too_short": "至少要有 {min_length} 项",
    "too_long": "最多 {max_length} 项",
}


def validation_error(error: ErrorDetails) -> InvalidRequest:
    """The error for one of pydantic's findings."""
    field = ".".join(str(part) for part in error["loc"]) or "request"
    zh = _ZH.get(error["type"], "不对").format_map(error.get("ctx", {}))
    given = "" if error["type"] == "missing" else f"（给的是 {_short(error['input'])}）"
    return InvalidRequest(
        f"{field} {zh}{given}。", f"{field}: {error['msg']} (given: {_short(error['input'])}).", field=field
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
