"""Renders the help of a command: usage, description, and options in groups. Long Chinese text is wrapped, never cut."""

import shutil
import sys
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from danqing.cli.i18n import localized, tr
from danqing.cli.typer_introspection import bounds_of, choices_of, number_type_of

if TYPE_CHECKING:
    from typer import Context

COMMON_PANEL = "常用选项 | Common options"
ARGUMENT_PANEL = "参数 | Arguments"
OTHER_PANEL = "其他选项 | Other options"
COMMAND_PANEL = "命令 | Commands"


def render_help(command: TyperCommand | TyperGroup, context: "Context") -> str:
    """Return the help text of a command for the width of the terminal."""
    console = Console(
        file=StringIO(), width=shutil.get_terminal_size().columns, force_terminal=sys.stdout.isatty(), highlight=False
    )
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    console.print(Text(tr("用法：", "Usage: ") + usage, overflow="fold"))
    console.print()
    console.print(Text(localized(command.help or ""), overflow="fold"))
    for title, rows in _sections(command, context).items():
        table = Table.grid(padding=(0, 2))
        table.add_column(width=min(30, console.width // 3), overflow="fold")
        table.add_column(overflow="fold")
        for name, text in rows:
            table.add_row(Text(f"  {name}", style="bold"), Text(text))
        console.print()
        console.print(Text(localized(title), style="yellow"))
        console.print(table)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _sections(command: TyperCommand | TyperGroup, context: "Context") -> dict[str, list[tuple[str, str]]]:
    sections: dict[str, list[tuple[str, str]]] = {ARGUMENT_PANEL: [], COMMON_PANEL: []}
    for parameter in command.get_params(context):
        is_argument = parameter.param_type_name == "argument"
        panel = getattr(parameter, "rich_help_panel", None) or (ARGUMENT_PANEL if is_argument else OTHER_PANEL)
        sections.setdefault(panel, []).append(_row(parameter))
    if isinstance(command, TyperGroup):
        sections[COMMAND_PANEL] = list(_commands(command, context))
    other = sections.pop(OTHER_PANEL, [])
    return {title: rows for title, rows in {**sections, OTHER_PANEL: other}.items() if rows}


def _commands(group: TyperGroup, context: "Context") -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, localized(command.help or "")


def _row(parameter: Any) -> tuple[str, str]:
    """Return name and description of an option or argument."""
    metavar = _metavar(parameter)
    if parameter.param_type_name == "argument":
        name = metavar or (parameter.name or "").upper()
    else:
        names = "\n  ".join([", ".join(sorted(parameter.opts, key=len)), *parameter.secondary_opts])
        name = f"{names} {metavar}".rstrip()
    text = localized(getattr(parameter, "help", None) or "")
    notes = list(_notes(parameter))
    if notes:
        text += tr(f"（{'；'.join(notes)}）", f" ({'; '.join(notes)})")
    return name, text


def _notes(parameter: Any) -> Iterator[str]:
    """Yield the range and the default of an option that is not a field of the request."""
    if parameter.required:
        yield tr("必填", "required")
    low, high = bounds_of(parameter)
    if low is not None and high is not None:
        yield f"{low}–{high}"
    elif low is not None:
        yield tr(f"不小于 {low}", f"at least {low}")
    default = parameter.default
    is_plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    if is_plain and getattr(parameter, "show_default", False):
        yield tr(f"默认 {default}", f"default {default}")


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return localized(parameter.metavar)
    if getattr(parameter, "is_flag", False) or parameter.param_type_name == "argument":
        return ""
    choices = choices_of(parameter)
    if choices:
        return "|".join(choices)
    return {int: "INT", float: "NUM", None: "TEXT"}[number_type_of(parameter)]
