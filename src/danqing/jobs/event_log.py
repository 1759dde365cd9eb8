"""Reading a run's log of events while it is being written: the one place where a job's events are kept."""

from collections.abc import Iterator
from pathlib import Path

from danqing.events import Event
from danqing.jobs.job import Numbered
from danqing.results import run_layout


class Tail:
    """Reads on from the event after a number; an event's number is its line in the log."""

    def __init__(self, folder: Path, after: int = 0) -> None:
        self._folder = folder
        self._after = after
        self._number = 0
        self._offset = 0
        self._parse = run_layout.make_line_parser()

    def read(self) -> tuple[Numbered, ...]:
        """The events that were written since the last call; a line that is still being written comes the next time."""
        return tuple(self._read())

    def _read(self) -> Iterator[Numbered]:
        for line in self._lines():
            event = self._parse(line) if self._number >= self._after else None
            if event is None and self._number >= self._after:
                return  # torn by a crash: whoever goes on with the run cuts it off
            self._offset += len(line)
            self._number += 1
            if event is not None:
                yield Numbered(self._number, event, self._file(event))
        self._after = min(self._after, self._number)  # a power cut can take events away that a client has seen

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
