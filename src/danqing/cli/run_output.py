"""Follows a run: prints its events, then the paths of the results or the command that resumes it."""

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, cast

from danqing.cli.errors import print_error
from danqing.cli.i18n import read_language, tr
from danqing.cli.output import print_json, print_path
from danqing.cli.signals import exit_code, signals_as_interrupt
from danqing.errors import StorageError
from danqing.events import Event, Failed, MemoryReduced, Started, Stepped, Warned
from danqing.results.run import Run

OutputMode = Literal["auto", "preview", "json"]
EventSink = Callable[[Event], None]
StartRun = Callable[[], tuple[Run, Iterator[Event]]]
"""Loads the model and returns the run and its events."""

_REPORT_SECONDS = 30.0


def follow_run(start: StartRun, *, mode: OutputMode, show_model: bool) -> int:
    """Show the progress and the results of a run.

    Args:
        start: starts the run; its events are closed here, which saves a checkpoint.
        mode: see `event_printer`.
        show_model: print the name of the model.
    Returns:
        The exit code: 0, 2 for a failed run, 130 for Ctrl-C, 128 + N for signal N.
    Raises:
        DanqingError: the request cannot be painted.
    """
    run: Run | None = None
    failed: Failed | None = None
    try:
        with signals_as_interrupt(), event_printer(mode, show_model=show_model) as print_event:
            created, events = start()
            with closing(cast("Generator[Event]", events)):
                for event in events:
                    if isinstance(event, Started):
                        run = created
                    elif isinstance(event, Failed):
                        failed = event
                    print_event(event)
    except KeyboardInterrupt as error:
        return print_error(tr("已停止。", "Stopped. ") + _resume_hint(run), code=exit_code(error))
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
    return tr(f"继续：danqing runs resume {run.name}", f"To continue: danqing runs resume {run.name}")


def _print_results(run: Run, mode: OutputMode) -> None:
    """Print one line for each file. In a pipe, stdout receives only the paths of the pictures."""
    if mode == "json":
        pictures, animations = ([_relative_path(path) for path in paths] for paths in (run.pictures, run.animations))
        print_json({"type": "stored", "folder": str(run.folder), "pictures": pictures, "animations": animations})
        return
    piped = not sys.stdout.isatty()
    for number, path in enumerate(run.pictures):
        if piped:
            print_path(_relative_path(path))
        else:
            seed = run.request.seed_of(number)
            print(tr(f"图片  {_relative_path(path)}（种子 {seed}）", f"picture  {_relative_path(path)} (seed {seed})"))
    for path in run.animations:
        text = tr(f"过程  {_relative_path(path)}", f"process  {_relative_path(path)}")
        print(text, file=sys.stderr if piped else sys.stdout)


def _relative_path(path: Path) -> str:
    """Return a path relative to the working folder if it is below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def event_printer(mode: OutputMode, *, show_model: bool) -> Generator[EventSink]:
    """Provide a function that prints the events of a run.

    Args:
        mode: auto shows a progress bar if stderr is a terminal, else lines; preview adds the picture; json prints the events
            to stdout.
        show_model: print the name of the model.
    """
    if mode == "json":
        yield _print_json_event
    elif not sys.stderr.isatty():
        yield PlainPrinter(show_model=show_model)
    else:
        from danqing.cli.progress import ProgressDisplay

        with ProgressDisplay(preview=mode == "preview", show_model=show_model) as display:
            yield display.on_event


def _print_json_event(event: Event) -> None:
    """Print an event without its picture, which is in the folder of the run."""
    stored = event.model_copy(update={"image": None}) if hasattr(event, "image") else event
    print_json(stored.model_dump(mode="json"))


class PlainPrinter:
    """Prints warnings as lines, and the progress every 30 seconds. Used when stderr is not a terminal.

    Args:
        show_model: print the name of the model.
        clock: returns the time in seconds.
    """

    def __init__(self, *, show_model: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._show_model = show_model
        self._clock = clock
        self._printed: set[str] = set()
        self._start = self._last = clock()
        self._total = 0
        self._steps = 0  # of a batch
        self._done = 0

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Started):
            self._start = self._last = self._clock()
            self._steps = event.steps
            self._total = event.steps * event.request.n_batches
            if self._show_model:
                print(model_notice(event), file=sys.stderr, flush=True)
        elif isinstance(event, Warned | MemoryReduced):
            text = event.text.in_language(read_language())
            if text not in self._printed:
                self._printed.add(text)
                print(text, file=sys.stderr, flush=True)
        elif isinstance(event, Stepped):
            self._done += 1
            self._print_progress(round(event.batches_done * self._steps))

    def _print_progress(self, step: int) -> None:
        now = self._clock()
        if now - self._last < _REPORT_SECONDS or step >= self._total:
            return
        from danqing.cli.plan import format_duration

        self._last = now
        remaining = format_duration((now - self._start) / self._done * (self._total - step))
        text = tr(f"第 {step}/{self._total} 步，约剩 {remaining}", f"step {step}/{self._total}, about {remaining} left")
        print(text, file=sys.stderr, flush=True)


def model_notice(event: Started) -> str:
    """Return a message that names the automatically selected model."""
    return tr(
        f"使用模型 {event.model}（自动选择，可用 --model 指定）。",
        f"Using the model {event.model}, selected automatically; choose another with --model.",
    )
