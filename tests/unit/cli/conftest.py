"""The command run in this process, and a painter that needs no model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from danqing import api
from danqing.cli import main
from danqing.events import Event
from danqing.request import Request
from danqing.results.store import Run, RunWriter
from danqing.zoo.catalog import models
from tests.unit.results.runs import MODEL, checkpoint, paint


@dataclass
class Painter:
    """Stands in for `danqing.api`: records what was asked, and can be told to stop."""

    asked: list[Request] = field(default_factory=list[Request])
    stop_after: int | None = None
    error: BaseException = field(default_factory=KeyboardInterrupt)

    def stream(self, request: Request, *, out: Path) -> Iterator[Event]:
        """As `api.stream`."""
        self.asked.append(request)
        complete = request.filled(models()[MODEL].defaults)
        complete = complete.changed(seed=7 if complete.seed is None else complete.seed, model=MODEL)
        yield from self._record(RunWriter.create(out, complete, model=MODEL))

    def resume(self, folder: Path) -> Iterator[Event]:
        """As `api.resume`."""
        self.stop_after = None
        yield from self._record(RunWriter.reopen(Run.open(folder).folder))

    def _record(self, writer: RunWriter) -> Iterator[Event]:
        with writer:
            for event in islice(paint(writer.request), self.stop_after):
                writer.record(event)
                writer.keep(checkpoint(0, 1))
                yield event
            if self.stop_after is not None:
                raise self.error


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Painter:
    """The made-up painter in the place of the real one; the working folder is the test's own."""
    made_up = Painter()
    monkeypatch.setattr(api, "stream", made_up.stream)
    monkeypatch.setattr(api, "resume", made_up.resume)
    monkeypatch.chdir(tmp_path)
    return made_up


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


@pytest.fixture
def danqing(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process."""

    def run(*words: str) -> Answer:
        code = main(words)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return run
