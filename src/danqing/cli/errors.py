"""Errors of the command line: one line on stderr, in the user's language."""

import sys

from typer.exceptions import TyperException

from danqing.cli.i18n import tr


def print_error(text: str, *, code: int = 2) -> int:
    """One line on stderr; returns the exit code."""
    prefix = "" if code == 130 else tr("错误：", "error: ")
    print(prefix + " ".join(text.split()), file=sys.stderr)
    return code


def parser_error_text(error: TyperException) -> str:
    """What the command-line parser complains about, in the user's language."""
    option = getattr(error, "option_name", None)
    if hasattr(error, "possibilities"):
        near = "、".join(getattr(error, "possibilities", None) or ())
        return tr(
            f"没有 {option} 这个选项" + (f"，是不是 {near}？" if near else "。用 --help 看全部选项。"),
            f"there is no option {option}" + (f"; did you mean {near}?" if near else ". See --help."),
        )
    if option is not None:
        return tr(f"选项 {option} 用得不对：{error.format_message()}", error.format_message())
    return tr("命令行看不懂：", "") + error.format_message() + tr(" 用 --help 看用法。", " See --help.")
