"""The command `danqing`. Errors are one line; exit code 2 for errors, 130 for Ctrl-C."""

import sys
from collections.abc import Sequence

from danqing.cli.i18n import read_language, tr


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: arguments after `danqing`; default: those of the process.
    """
    import typer
    from typer.exceptions import TyperException

    from danqing.cli.app import build
    from danqing.cli.errors import parser_error_text, print_error
    from danqing.errors import DanqingError

    _replace_unencodable()
    try:
        code = build().main(arguments, prog_name="danqing", standalone_mode=False)
    except DanqingError as error:
        return print_error(error.in_language(read_language()))
    except (typer.Abort, KeyboardInterrupt):
        return print_error(tr("已取消。", "Cancelled."), code=130)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command; the message is its help
            print(error.format_message())
            return error.exit_code
        return print_error(parser_error_text(error))
    return code if isinstance(code, int) else 0


def _replace_unencodable() -> None:
    """Print question marks instead of failing if the terminal cannot show Chinese."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
