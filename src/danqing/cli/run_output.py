"""Following a run to its end: show its events, then say where everything is, or how to go on."""

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, cast

from danqing.cli.errors import complain
from danqing.cli.i18n import read_language, say
from danqing.errors import StorageError
from danqing.events import Event, Failed, Started
from danqing.results.run import Run

Look = Literal["auto", "preview", "json"]
Show = Callable[[Event], None]
Begin = Callable[[], tuple[Run, Iterator[Event]]]
"""Loads the model and answers with the run's folder and its events."""


def follow_run(begin: Begin, *, look: Look, model_was_named: bool) -> int:
    """Show a run and report on it.

    Args:
        begin: the run; its events are closed here, which keeps what was painted.
        look: how to show it.
        model_was_named: if not, it is said which model paints.
    Returns:
        the exit code: 0, 2 when the run failed, 130 when it was interrupted.
    Raises:
        DanqingError: the request cannot be painted.
    """
    run: Run | None = None
    failed: Failed | None = None
    try:
        with follow(look, model_was_named=model_was_named) as show:
            made, events = begin()
            with closing(cast("Generator[Event]", events)):
                for event in events:
                    if isinstance(event, Started):
                        run = made
                    elif isinstance(event, Failed):
                        failed = event
                    show(event)
    except KeyboardInterrupt:
        return complain(say("已停下。", "Stopped. ") + _go_on(run), code=130)
    except StorageError as error:
        raise StorageError(error.zh + _go_on(run), f"{error.en} {_go_on(run)}".strip()) from error
    if run is not None:
        _report(run, look)
    if failed is not None:
        return complain(say(failed.zh, f"{failed.en} ") + _go_on(run))
    return 0


def _go_on(run: Run | None) -> str:
    if run is None:
        return ""
    return say(f"接着画：danqing runs resume {run.name}", f"To go on: danqing runs resume {run.name}")


def _report(run: Run, look: Look) -> None:
    """A line for each file with what it is; piped, stdout gets the pictures' bare paths and nothing else."""
    if look == "json":
        stored = {"folder": str(run.folder), "pictures": _paths(run.pictures), "animations": _paths(run.animations)}
        print(json.dumps({"type": "stored", **stored}, ensure_ascii=False), flush=True)
        return
    piped = not sys.stdout.isatty()
    for number, path in enumerate(run.pictures):
        seed = (run.request.seed or 0) + number
        said = say(f"画    {_near(path)}（种子 {seed}）", f"picture  {_near(path)} (seed {seed})")
        print(_near(path) if piped else said)
    for path in run.animations:
        print(say(f"过程  {_near(path)}", f"process  {_near(path)}"), file=sys.stderr if piped else sys.stdout)


def _paths(files: tuple[Path, ...]) -> list[str]:
    return [_near(file) for file in files]


def _near(path: Path) -> str:
    """A path as seen from here, if it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


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


def _show_json(event: Event) -> None:
    """A line for every event; pictures are left out, they are in the run's folder."""
    plain = event.model_copy(update={"image": None}) if hasattr(event, "image") else event
    print(plain.model_dump_json(), flush=True)


def _show_plainly(event: Event, *, model_was_named: bool) -> None:
    """No moving board: only what the user should know, a line each."""
    from danqing.events import Adapted, Started, Warned

    if isinstance(event, Started) and not model_was_named:
        print(name_model(event), file=sys.stderr)
    elif isinstance(event, Warned | Adapted):
        print(event.en if read_language() == "en" else event.zh, file=sys.stderr)


def name_model(event: Started) -> str:
    """Which model paints when none was named."""
    return say(
        f"由模型 {event.model} 作画（自动选定，可用 --model 另选）。",
        f"Painting with the model {event.model}, chosen automatically; --model takes another.",
    )
