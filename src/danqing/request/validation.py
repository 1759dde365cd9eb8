"""Converts pydantic's validation errors to InvalidRequest with messages in Chinese and English."""

import difflib
import json
from collections.abc import Collection
from typing import cast

from pydantic_core import ErrorDetails

from danqing.errors import InvalidRequest
from danqing.request.labels import field_label

_RENAMED = {
    "text_prompts": "prompts",
    "prompt": "prompts",
    "width_height": "size",
    "diffusion_sampling_mode": "sampler",
    "use_gpu": "device",
    "transformation_percent": "symmetry_at",
    "use_secondary_model": "use_secondary",
}

# Messages by pydantic error type, in Chinese and English; {…} are filled in from the error's context.
_MESSAGES = {
    "missing": ("是必填项", "is required"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "literal_error": ("只能是 {choices}", "must be one of {choices}"),
    "int_parsing": ("应为整数", "must be an integer"),
    "int_type": ("应为整数", "must be an integer"),
    "int_from_float": ("应为整数", "must be an integer"),
    "float_parsing": ("应为数字", "must be a number"),
    "float_type": ("应为数字", "must be a number"),
    "finite_number": ("应为有限的数", "must be a finite number"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "string_type": ("应为文字", "must be a text"),
    "string_unicode": ("应为文字", "must be a text"),
    "string_too_long": ("最多 {max_length} 个字", "must have at most {max_length} characters"),
    "string_too_short": ("不能为空", "must not be empty"),
    "uuid_type": ("应为 UUID", "must be a UUID"),
    "uuid_parsing": ("应为 UUID", "must be a UUID"),
    "tuple_type": ("应为列表", "must be a list"),
    "too_short": ("至少要有 {min_length} 项", "must have at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "must have at most {max_length} items"),
}


def unknown_field_error(name: str, known: Collection[str]) -> InvalidRequest:
    """Return the error for an unknown field, which suggests the closest known one."""
    short = _short(name, quote=False)
    near = _RENAMED.get(name) or next(iter(difflib.get_close_matches(name[:60], known, 1, 0.5)), None)
    return InvalidRequest(
        f"没有“{short}”这个参数" + (f"，是不是 {near}？" if near else "。运行 danqing draw --help 查看全部参数。"),
        f"There is no parameter {short!r}"
        + (f"; did you mean {near}?" if near else ". Run danqing draw --help for a list."),
        field=name,
    )


def validation_error(error: ErrorDetails) -> InvalidRequest:
    """Convert one of pydantic's errors."""
    field = ".".join(str(part) for part in error["loc"]) or "request"
    label = field_label(str(error["loc"][0]) if error["loc"] else field)
    context = dict(error.get("ctx", {}))
    expected = str(context.get("expected", "")).replace("'", "")
    zh, en = _MESSAGES.get(error["type"], ("无效", "is invalid"))
    given_zh = "" if error["type"] == "missing" else f"（当前值：{_short(error['input'])}）"
    given_en = "" if error["type"] == "missing" else f" (given: {_short(error['input'])})"
    zh = zh.format_map({**context, "choices": expected.replace(" or ", "、").replace(", ", "、")})
    en = en.format_map({**context, "choices": expected})
    space = " " if zh[0].isascii() or label.zh[-1].isascii() else ""
    return InvalidRequest(f"{label.zh}{space}{zh}{given_zh}。", f"{label.en} {en}{given_en}.", field=field)


def _short(value: object, *, quote: bool = True) -> str:
    """Return a text of at most 60 characters for a value; long values are cut before they are formatted."""
    if isinstance(value, str):
        value = value if len(value) <= 56 else value[:56] + "…"
    elif isinstance(value, list | tuple | dict | set):
        value = list(cast("Collection[object]", value))[:20]
    elif value is None or isinstance(value, bool):
        return json.dumps(value)  # as in a request, not as in Python
    text = repr(value) if quote or not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:57] + "…"
