"""Reading the event log of a run while it is being written."""

from collections.abc import Callable, Iterator
from pathlib import Path

from danqing.errors import JobNotFound
from danqing.events import Event
from danqing.jobs.job import ENDED, NumberedEvent
from danqing.jobs.job_store import JobStore
from danqing.jobs.progress import ProgressTracker
from danqing.results import run_layout


class EventLogReader:
    """Reads the events after a given number incrementally. The number of an event is its line in the log.

    Args:
        folder: folder of the run; it need not exist yet.
        after: number of the last event already received.
    """

    def __init__(self, folder: Path, after: int = 0) -> None:
        self._folder = folder
        self._after = after
        self._number = 0
        self._offset = 0
        self._parse = run_layout.make_line_parser()

    def read(self) -> tuple[NumberedEvent, ...]:
        """Return the events written since the last call. An incomplete last line is read by the next call."""
        return tuple(self._read())

    def _read(self) -> Iterator[NumberedEvent]:
        for line in self._lines():
            event = self._parse(line) if self._number >= self._after else None
            if event is None and self._number >= self._after:
                return  # damaged by a crash: the next writer truncates it
            self._offset += len(line)
            self._number += 1
            if event is not None:
                yield NumberedEvent(self._number, event, self._file(event))
        self._after = min(self._after, self._number)  # a power cut can remove events that a client has received

    def _lines(self) -> Iterator[bytes]:
        try:
            with (self._folder / run_layout.EVENTS).open("rb") as stream:
                stream.seek(self._offset)
                yield from (line for line in stream if line.endswith(b"\n"))
        except FileNotFoundError:
            return

    def _file(self, event: Event) -> Path | None:
        name = run_layout.image_file(event)
        return self._folder / name if name and (self._folder / name).exists() else None


def follow_events(
    store: JobStore,
    tracker: ProgressTracker,
    id: str,
    *,
    after: int,
    timeout: float | None,
    refresh: Callable[[str], None] = lambda _: None,
) -> Iterator[NumberedEvent | None]:
    """Yield the events of a job until it has ended, was deleted, or the tracker is closed.

    Args:
        store: the jobs.
        tracker: notifies of changes.
        id: ID of the job.
        after: number of the last event already received.
        timeout: yield None after this many seconds without an event; 0 never waits.
        refresh: called with the ID before the log is read; copies what another service has written.
    """
    reader = EventLogReader(store.folder(id), after)
    while True:
        version = tracker.version(id)
        done = tracker.closed or _is_ended(store, id)  # tested before reading: no event follows the end
        refresh(id)
        new = reader.read()
        yield from new
        if done:
            return
        if not new and not tracker.wait(id, version, timeout):
            yield None


def _is_ended(store: JobStore, id: str) -> bool:
    try:
        return store.state(id) in ENDED
    except JobNotFound:  # deleted meanwhile
        return True
