"""Runs the command in this process, with a fake_api that needs no model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

import pytest

from danqing import api
from danqing.cli import main
from danqing.events import Event
from danqing.request import Request
from danqing.results.run_writer import Run, RunWriter
from danqing.zoo.catalog import models
from danqing.zoo.spec import ModelSpec
from tests.unit.results.runs import MODEL, checkpoint, paint


@dataclass
class FakeApi:
    """Replaces `danqing.api` and its pipeline: stores the requests, and can stop early."""

    requests: list[Request] = field(default_factory=list[Request])
    stop_after: int | None = None
    error: BaseException = field(default_factory=KeyboardInterrupt)

    @property
    def spec(self) -> ModelSpec:
        """As `Pipeline.spec`."""
        return models()[MODEL]

    def load(self, model: str, *, device: str, dtype: str) -> Self:
        """As `api.load`."""
        assert (model in ("auto", MODEL, "disco_diffusion_cnclip_vitb16"), device, dtype) == (True, "auto", "float32")
        return self

    def resolve(self, request: Request) -> Request:
        """As `Pipeline.resolve`."""
        complete = request.with_defaults(self.spec.defaults_for(request))
        self.requests.append(request)
        return complete.with_changes(seed=7 if complete.seed is None else complete.seed, model=MODEL)

    def resume(self, folder: Path) -> Iterator[Event]:
        """As `api.resume`."""
        self.stop_after = None
        yield from self.record(self, RunWriter.resume(Run.open(folder).folder))

    def record(self, pipeline: Self, writer: RunWriter, start: object = None) -> Iterator[Event]:  # noqa: ARG002
        """As `api.run_recorded`."""
        assert pipeline is self
        with writer:
            for event in islice(paint(writer.request), self.stop_after):
                writer.record(event)
                writer.save_checkpoint(checkpoint(0, 1))
                yield event
            if self.stop_after is not None:
                raise self.error


@pytest.fixture
def fake_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeApi:
    """A fake_api without a model; the working folder is temporary."""
    fake_api = FakeApi()
    monkeypatch.setattr(api, "load", fake_api.load)
    monkeypatch.setattr(api, "run_recorded", fake_api.record)
    monkeypatch.setattr(api, "resume", fake_api.resume)
    monkeypatch.chdir(tmp_path)
    return fake_api


@dataclass(frozen=True)
class CommandResult:
    """Output and exit code of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., CommandResult]


@pytest.fixture
def danqing(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line in this process."""

    def run(*words: str) -> CommandResult:
        code = main(words)
        out, err = capsys.readouterr()
        return CommandResult(code, out, err)

    return run
