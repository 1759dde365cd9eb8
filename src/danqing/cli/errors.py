"""Prints errors as one line on stderr, and translates those of the command-line parser."""

import sys
from contextlib import suppress

from typer.exceptions import TyperException

from danqing.cli.i18n import tr
from danqing.cli.typer_introspection import expected_value, name_of


def print_error(text: str, *, code: int = 2) -> int:
    """Print one line on stderr and return the exit code."""
    prefix = "" if code >= 128 else tr("错误：", "error: ")
    with suppress(OSError):  # the terminal may be closed
        print(prefix + " ".join(text.split()), file=sys.stderr)
    return code


def parser_error_text(error: TyperException) -> str:
    """Return the message of a parser error in the user's language."""
    kind = type(error).__name__
    option = str(getattr(error, "option_name", ""))
    parameter = getattr(error, "param", None)
    if kind == "NoSuchOption":
        similar = list(getattr(error, "possibilities", None) or ())
        return tr(
            f"没有 {option} 这个选项"
            + (f"，是否要用 {'、'.join(similar)}？" if similar else "。用 --help 查看所有选项。"),
            f"There is no option {option}" + (f"; did you mean {', '.join(similar)}?" if similar else ". See --help."),
        )
    if kind == "MissingParameter":
        name = name_of(parameter)
        return tr(f"缺少 {name}。用 --help 查看用法。", f"{name} is missing. See --help.")
    if kind == "BadOptionUsage":
        return tr(f"选项 {option} 后面缺少值，或不能带值。", f"The option {option} lacks a value or takes none.")
    if kind == "BadParameter":
        name, expected = name_of(parameter), expected_value(parameter)
        if expected is None:
            return tr(f"{name} 的值不正确。用 --help 查看用法。", f"The value of {name} is invalid. See --help.")
        return tr(f"{name} 的值不正确，应为{expected.zh}。", f"The value of {name} is invalid; expected {expected.en}.")
    return tr("命令行中有多余的词，或缺少引号。用 --help 查看用法。", f"{error.format_message()} See --help.")
