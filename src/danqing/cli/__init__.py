"""The command `danqing`: one clear line for every mistake, exit code 2; 130 for Ctrl-C; never a traceback for the user."""

import sys
from collections.abc import Sequence

from danqing.cli.i18n import read_language, tr


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: the words behind `danqing`; those of the process if not given.
    """
    import typer
    from typer.exceptions import TyperException

    from danqing.cli.app import build
    from danqing.cli.errors import print_error, parser_error_text
    from danqing.errors import DanqingError

    _replace_unencodable()
    try:
        code = build().main(arguments, prog_name="danqing", standalone_mode=False)
    except DanqingError as error:
        return print_error(error.in_language(read_language()))
    except typer.Abort:
        return print_error(tr("已取消。", "Cancelled."), code=130)
    except TyperException as error:
        # Without a message the help has been shown: a command group was called without a command.
        return print_error(parser_error_text(error)) if error.format_message() else error.exit_code
    return code if isinstance(code, int) else 0


def _replace_unencodable() -> None:
    # A terminal that knows no Chinese shows question marks; it is no reason to stop painting.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
