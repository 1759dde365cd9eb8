"""What the user sees of a run: a progress bar in a terminal, only the files when piped, JSON lines for scripts."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from typer.exceptions import TyperException

from danqing.cli.language import read_language, say

if TYPE_CHECKING:
    from danqing.events import Event

Look = Literal["auto", "preview", "json"]
Show = Callable[["Event"], None]


def complain(text: str, *, code: int = 2) -> int:
    """One line on stderr; returns the exit code."""
    prefix = "" if code == 130 else say("错误：", "error: ")
    print(prefix + " ".join(text.split()), file=sys.stderr)
    return code


def describe(error: TyperException) -> str:
    """What the command-line parser complains about, in the user's language."""
    option = getattr(error, "option_name", None)
    if hasattr(error, "possibilities"):
        near = "、".join(getattr(error, "possibilities", None) or ())
        return say(
            f"没有 {option} 这个选项" + (f"，是不是 {near}？" if near else "。用 --help 看全部选项。"),
            f"there is no option {option}" + (f"; did you mean {near}?" if near else ". See --help."),
        )
    if option is not None:
        return say(f"选项 {option} 用得不对：{error.format_message()}", error.format_message())
    return say("命令行看不懂：", "") + error.format_message() + say(" 用 --help 看用法。", " See --help.")


@contextmanager
def follow(look: Look, *, model_was_named: bool) -> Generator[Show]:
    """A place to show the events of a run; leaving it clears what was moving.

    Args:
        look: auto draws a progress bar where stderr is a terminal; preview adds the picture; json writes lines to stdout.
        model_was_named: whether the user named the model; if not, it is said which one paints.
    """
    if look == "json":
        yield _show_json
    elif not sys.stderr.isatty():
        yield _show_warnings
    else:
        from danqing.cli.progress import Board

        with Board(preview=look == "preview", name_model=not model_was_named) as board:
            yield board.show


def _show_json(event: "Event") -> None:
    """A line for every event; pictures are left out, they are in the run's folder."""
    plain = event.model_copy(update={"image": None}) if hasattr(event, "image") else event
    print(plain.model_dump_json(), flush=True)


def _show_warnings(event: "Event") -> None:
    from danqing.events import Warned

    if isinstance(event, Warned):
        print(event.en if read_language() == "en" else event.zh, file=sys.stderr)
