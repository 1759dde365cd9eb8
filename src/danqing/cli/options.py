"""Command-line options generated from the fields of `Request`."""

import inspect
import re
from collections.abc import Iterator
from typing import cast, get_args

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.help import COMMON_PANEL
from danqing.cli.i18n import SEPARATOR
from danqing.errors import InvalidRequest
from danqing.finishing.options import to_english
from danqing.i18n import Text
from danqing.request import Request
from danqing.request.field_info import GROUPS, field_info, is_schedule, range_of, to_text, unit_of

_META_KEY = "danqing.given"
_NUMBER = "number"
_COMMON = ("artist", "style", "size", "quality", "seed", "init_image", "model")
"""Fields in the first group of the help."""


def add_request_options(command: TyperCommand, defaults: Request) -> None:
    """Add an option for each field of `Request` except the prompts, and `-n`; see `collect_options`.

    Args:
        command: the command.
        defaults: the default values that the help shows.
    """
    carrier = typer.Typer(add_completion=False)

    def carry() -> None: ...

    carry.__dict__["__signature__"] = inspect.Signature(list(_parameters(defaults)))
    carrier.command(add_help_option=False)(carry)
    command.params.extend(get_command(carrier).params)


def collect_options(context: typer.Context, assignments: list[str] | None = None) -> dict[str, object]:
    """Return the fields given as options or as `--set name=value`; options take precedence.

    Raises:
        InvalidRequest: an assignment has no '=', or `-n` is combined with the options that it replaces.
    """
    assigned: dict[str, object] = {}
    for assignment in assignments or ():
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InvalidRequest(
                f"--set 的写法是 名字=值，例如 --set steps=50（现为 {assignment}）。",
                f"Write --set NAME=VALUE, for example --set steps=50 (given: {assignment}).",
            )
        field = name.strip().replace("-", "_")
        assigned[field] = parse_value(field, text.strip())
    given = {**assigned, **cast("dict[str, object]", context.meta.get(_META_KEY, {}))}
    number = given.pop(_NUMBER, None)
    if number is None:
        return given
    if {"n_batches", "batch_size"} & given.keys():
        raise InvalidRequest(
            "-n 不能与 --n-batches、--batch-size 同时使用。", "-n cannot be combined with --n-batches or --batch-size."
        )
    return {**given, "n_batches": number, "batch_size": 1}


def parse_value(field: str, text: str) -> object:
    """Convert the text of an option; `read_request` validates the result."""
    optional = field in Request.model_fields and type(None) in get_args(Request.model_fields[field].annotation)
    if field in ("save", "symmetry_at"):
        return re.split(r"[,，\s]+", text.strip()) if text.strip() else []
    return None if not text and optional else text


def option_name(field: str) -> str:
    """Return the option of a field."""
    return "--" + field.replace("_", "-")


def normalize_option(name: str) -> str:
    """Accept underscores in option names: --clip_guidance_scale is --clip-guidance-scale."""
    return name.replace("_", "-")


def help_text(name: str, defaults: Request | None = None) -> Text:
    """Return the help of a field with range, unit and default.

    Args:
        name: the field.
        defaults: values to show as defaults; without it those of `Request`.
    """
    info = field_info(name)
    unit = unit_of(name)
    default = to_text(Request.model_fields[name].default if defaults is None else getattr(defaults, name))
    limits = range_of(name)
    zh = "；".join(filter(None, [f"{limits.zh} {unit.zh}".strip(), default and f"默认 {default}"]))
    english = to_english(name, default)
    en = "; ".join(filter(None, [f"{limits.en} {unit.en}".strip(), english and f"default {english}"]))
    return Text(info["zh"] + (f"（{zh}）" if zh else ""), info["en"] + (f" ({en})" if en else ""))


def _parameters(defaults: Request) -> Iterator[inspect.Parameter]:
    yield _parameter(
        _NUMBER, ("--number", "-n"), int | None, help="画几幅，种子依次加 1 | Number of pictures, with consecutive seeds",
        metavar="INT", panel=COMMON_PANEL, min=1,
    )  # fmt: skip
    fields = [name for name in Request.model_fields if name != "prompts"]
    for name in sorted(fields, key=lambda name: _COMMON.index(name) if name in _COMMON else len(_COMMON)):
        field = Request.model_fields[name]
        group = field_info(name)["group"]
        is_flag = field.annotation is bool
        option = option_name(name)
        text = help_text(name, defaults)
        yield _parameter(
            name,
            (f"{option}/--no-{option[2:]}" if is_flag else option,),
            bool | None if is_flag else list[str] | None if field.annotation == tuple[str, ...] else str | None,
            help=f"{text.zh}{SEPARATOR}{text.en}",
            metavar=None if is_flag else _metavar(name, field),
            panel=COMMON_PANEL if name in _COMMON else f"{group}{SEPARATOR}{GROUPS[group]}",
        )


def _parameter(
    name: str,
    options: tuple[str, ...],
    annotation: object,
    *,
    help: str,
    metavar: str | None,
    panel: str,
    min: int | None = None,
) -> inspect.Parameter:
    default = typer.Option(
        None, *options, help=help, metavar=metavar, rich_help_panel=panel, callback=_collect, expose_value=False,
        show_default=False, min=min,
    )  # fmt: skip
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _metavar(name: str, field: FieldInfo) -> str:
    own = {
        "size": "WxH",
        "clip": "NAME[:N]",
        "mask": "PICTURE",
        "like": "PICTURE[:N]",
        "branch": "RUN@STEP",
        "grid": "FIELD=A|B;...",
    }
    if name in own:
        return own[name]
    if is_schedule(name):
        return "N|[N]*1000"
    names = {int: "INT", float: "NUM"}
    return next(
        (text for kind, text in names.items() if kind in (field.annotation, *get_args(field.annotation))), "TEXT"
    )


def _collect(context: typer.Context, parameter: typer.CallbackParam, value: object) -> None:
    if value not in (None, [], ()) and parameter.name:
        given = cast("dict[str, object]", context.meta.setdefault(_META_KEY, {}))
        given[parameter.name] = parse_value(parameter.name, value) if isinstance(value, str) else value
