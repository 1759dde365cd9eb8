"""Options made from the fields of `Request`: names, help with range, unit and default, and reading their texts."""

import inspect
import re
from collections.abc import Iterator
from typing import cast, get_args

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperCommand
from typer.main import get_command

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.request.field_info import GROUPS, UNITS, range_of, field_info, to_text
from danqing.schedule import Schedule

_META_KEY = "danqing.given"


def add_request_options(command: TyperCommand) -> None:
    """Give a command one option for every field of `Request` but the sentences; `read_given` collects them."""
    carrier = typer.Typer(add_completion=False)

    def carry() -> None: ...

    carry.__dict__["__signature__"] = inspect.Signature(list(_parameters()))
    carrier.command(add_help_option=False)(carry)
    command.params.extend(get_command(carrier).params)


def collect_options(context: typer.Context, assignments: list[str] | None = None) -> dict[str, object]:
    """The fields that were given as options or as `--set name=value`; an option counts more.

    Raises:
        InvalidRequest: an assignment without '='.
    """
    assigned: dict[str, object] = {}
    for assignment in assignments or ():
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InvalidRequest(
                f"--set 要写成 名字=值，例如 --set steps=50（给的是 {assignment}）。",
                f"Write --set NAME=VALUE, for example --set steps=50 (given: {assignment}).",
            )
        field = name.strip().replace("-", "_")
        assigned[field] = parse_value(field, text.strip())
    return {**assigned, **cast("dict[str, object]", context.meta.get(_META_KEY, {}))}


def parse_value(field: str, text: str) -> object:
    """The value that a text on the command line stands for; `read_request` checks it."""
    annotation = str(Request.model_fields[field].annotation) if field in Request.model_fields else ""
    if field in ("save", "symmetry_at"):
        return re.split(r"[,，\s]+", text.strip()) if text.strip() else []
    return None if not text and "None" in annotation else text


def option_name(field: str) -> str:
    """The option of a field."""
    return "--" + field.replace("_", "-")


def normalize_option(name: str) -> str:
    """--clip_guidance_scale is --clip-guidance-scale."""
    return name.replace("_", "-")


def help_text(name: str) -> tuple[str, str]:
    """What a field is for, with range, unit and default, in Chinese and English."""
    extra = field_info(name)
    unit_zh, unit_en = UNITS.get(extra["unit"], ("", ""))
    default = to_text(Request.model_fields[name].default)
    limits = range_of(name)
    zh = "；".join(filter(None, [f"{limits} {unit_zh}".strip(), default and f"默认 {default}"]))
    en = "; ".join(filter(None, [f"{limits} {unit_en}".strip(), default and f"default {default}"]))
    return extra["zh"] + (f"（{zh}）" if zh else ""), extra["en"] + (f" ({en})" if en else "")


def _parameters() -> Iterator[inspect.Parameter]:
    for name, field in Request.model_fields.items():
        if name == "prompts":
            continue
        group = field_info(name)["group"]
        flag = field.annotation is bool
        option = option_name(name)
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=typer.Option(
                None,
                f"{option}/--no-{option[2:]}" if flag else option,
                help=" | ".join(help_text(name)),
                metavar=None if flag else _metavar(name, field),
                rich_help_panel=f"{group} | {GROUPS[group]}",
                callback=_collect,
                expose_value=False,
                show_default=False,
            ),
            annotation=bool | None if flag else list[str] | None if field.annotation == tuple[str, ...] else str | None,
        )


def _metavar(name: str, field: FieldInfo) -> str:
    if name in ("size", "clip"):
        return "WxH" if name == "size" else "NAME[:N]"
    if isinstance(field.default, Schedule):
        return "N|[N]*1000"
    kinds = {int: "INT", float: "NUM"}
    return next(
        (word for kind, word in kinds.items() if kind in (field.annotation, *get_args(field.annotation))), "TEXT"
    )


def _collect(context: typer.Context, parameter: typer.CallbackParam, value: object) -> None:
    if value not in (None, [], ()) and parameter.name:
        given = cast("dict[str, object]", context.meta.setdefault(_META_KEY, {}))
        given[parameter.name] = parse_value(parameter.name, value) if isinstance(value, str) else value
