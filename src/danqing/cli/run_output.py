"""Following a run to its end: show its events, then say where everything is, or how to go on."""

import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, cast

from danqing.cli.errors import print_error
from danqing.cli.i18n import read_language, tr
from danqing.errors import StorageError
from danqing.events import Event, Failed, Started
from danqing.results.run import Run

OutputMode = Literal["auto", "preview", "json"]
EventSink = Callable[[Event], None]
StartRun = Callable[[], tuple[Run, Iterator[Event]]]
"""Loads the model and answers with the run's folder and its events."""


def follow_run(start: StartRun, *, mode: OutputMode, show_model: bool) -> int:
    """Show a run and report on it.

    Args:
        begin: the run; its events are closed here, which keeps what was painted.
        look: how to show it.
        show_model: print the name of the model.
    Returns:
        the exit code: 0, 2 when the run failed, 130 when it was interrupted.
    Raises:
        DanqingError: the request cannot be painted.
    """
    run: Run | None = None
    failed: Failed | None = None
    try:
        with event_printer(mode, show_model=show_model) as show:
            made, events = start()
            with closing(cast("Generator[Event]", events)):
                for event in events:
                    if isinstance(event, Started):
                        run = made
                    elif isinstance(event, Failed):
                        failed = event
                    show(event)
    except KeyboardInterrupt:
        return print_error(tr("已停下。", "Stopped. ") + _resume_hint(run), code=130)
    except StorageError as error:
        raise StorageError(error.zh + _resume_hint(run), f"{error.en} {_resume_hint(run)}".strip()) from error
    if run is not None:
        _print_results(run, mode)
    if failed is not None:
        return print_error(tr(failed.zh, f"{failed.en} ") + _resume_hint(run))
    return 0


def _resume_hint(run: Run | None) -> str:
    if run is None:
        return ""
    return tr(f"接着画：danqing runs resume {run.name}", f"To go on: danqing runs resume {run.name}")


def _print_results(run: Run, look: OutputMode) -> None:
    """A line for each file with what it is; piped, stdout gets the pictures' bare paths and nothing else."""
    if look == "json":
        stored = {"folder": str(run.folder), "pictures": _paths(run.pictures), "animations": _paths(run.animations)}
        print(json.dumps({"type": "stored", **stored}, ensure_ascii=False), flush=True)
        return
    piped = not sys.stdout.isatty()
    for number, path in enumerate(run.pictures):
        seed = (run.request.seed or 0) + number
        said = tr(f"画    {_relative_path(path)}（种子 {seed}）", f"picture  {_relative_path(path)} (seed {seed})")
        print(_relative_path(path) if piped else said)
    for path in run.animations:
        print(
            tr(f"过程  {_relative_path(path)}", f"process  {_relative_path(path)}"),
            file=sys.stderr if piped else sys.stdout,
        )


def _paths(files: tuple[Path, ...]) -> list[str]:
    return [_relative_path(file) for file in files]


def _relative_path(path: Path) -> str:
    """A path as seen from here, if it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def event_printer(mode: OutputMode, *, show_model: bool) -> Generator[EventSink]:
    """A place to show the events of a run; leaving it clears what was moving.

    Args:
        look: auto draws a progress bar where stderr is a terminal; preview adds the picture; json writes lines to stdout.
        show_model: print the name of the model.
    """
    if mode == "json":
        yield _print_json
    elif not sys.stderr.isatty():
        yield partial(_print_plain, show_model=show_model)
    else:
        from danqing.cli.progress import ProgressDisplay

        with ProgressDisplay(preview=mode == "preview", show_model=show_model) as board:
            yield board.on_event


def _print_json(event: Event) -> None:
    """A line for every event; pictures are left out, they are in the run's folder."""
    plain = event.model_copy(update={"image": None}) if hasattr(event, "image") else event
    print(plain.model_dump_json(), flush=True)


def _print_plain(event: Event, *, show_model: bool) -> None:
    """No moving board: only what the user should know, a line each."""
    from danqing.events import MemoryReduced, Started, Warned

    if isinstance(event, Started) and show_model:
        print(model_notice(event), file=sys.stderr)
    elif isinstance(event, Warned | MemoryReduced):
        print(event.en if read_language() == "en" else event.zh, file=sys.stderr)


def model_notice(event: Started) -> str:
    """Which model paints when none was named."""
    return tr(
        f"由模型 {event.model} 作画（自动选定，可用 --model 另选）。",
        f"Painting with the model {event.model}, chosen automatically; --model takes another.",
    )
