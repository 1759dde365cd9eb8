"""What the user sees of a run: a progress bar in a terminal, only the files when piped, JSON lines for scripts."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

from typer.exceptions import TyperException

from danqing.cli.language import read_language, say

if TYPE_CHECKING:
    from danqing.events import Event, Started

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
        yield partial(_show_plainly, model_was_named=model_was_named)
    else:
        from danqing.cli.progress import Board

        with Board(preview=look == "preview", name_model=not model_was_named) as board:
            yield board.show


def _show_json(event: "Event") -> None:
    """A line for every event; pictures are left out, they are in the run's folder."""
    plain = event.model_copy(update={"image": None}) if hasattr(event, "image") else event
    print(plain.model_dump_json(), flush=True)


def _show_plainly(event: "Event", *, model_was_named: bool) -> None:
    """No moving board: only what the user should know, a line each."""
    from danqing.events import Adapted, Started, Warned

    if isinstance(event, Started) and not model_was_named:
        print(name_model(event), file=sys.stderr)
    elif isinstance(event, Warned | Adapted):
        print(event.en if read_language() == "en" else event.zh, file=sys.stderr)


def name_model(event: "Started") -> str:
    """Which model paints when none was named."""
    return say(
        f"由模型 {event.model} 作画（自动选定，可用 --model 另选）。",
        f"Painting with the model {event.model}, chosen automatically; --model takes another.",
    )
