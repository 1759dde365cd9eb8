"""Output of runs in pipes: progress lines, warnings once, signals, encodings."""

import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from danqing.cli.output import print_json, print_path
from danqing.cli.run_output import PlainPrinter, follow_run
from danqing.events import Event, Started, Warned
from danqing.results.run import Run
from danqing.results.run_writer import RunWriter
from tests.unit.results.runs import MODEL, paint, small_request


def test_long_runs_print_a_progress_line_every_30_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter(range(0, 100_000, 20))
    printer = PlainPrinter(show_model=False, clock=lambda: float(next(times)))
    for event in paint(small_request(n_batches=2)):
        printer(event)
    lines = capsys.readouterr().err.splitlines()
    assert 3 <= len(lines) <= 8
    assert all("/12 步，约剩 " in line for line in lines)


def test_short_runs_print_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    printer = PlainPrinter(show_model=False, clock=lambda: 0.0)
    for event in paint(small_request(n_batches=2)):
        printer(event)
    assert capsys.readouterr().err == ""


def test_each_warning_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = PlainPrinter(show_model=False)
    for _ in range(2):
        printer(Warned(zh="小心", en="careful"))
    assert capsys.readouterr().err == "小心\n"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_stop_the_run_and_print_the_resume_command(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)

    def events(writer: RunWriter) -> Iterator[Event]:
        with writer:
            for event in paint(writer.request):
                writer.record(event)
                yield event
                if not isinstance(event, Started):
                    os.kill(os.getpid(), number)

    def start() -> tuple[Run, Iterator[Event]]:
        writer = RunWriter.create(tmp_path / "runs", small_request(), model=MODEL)
        return writer.run, events(writer)

    assert follow_run(start, mode="auto", show_model=False) == 128 + number
    run = Run.open(next((tmp_path / "runs").iterdir()))
    assert f"danqing runs resume {run.name}" in capsys.readouterr().err
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("encoding", ["cp1252", "gbk", "ascii"])
def test_paths_and_json_survive_other_encodings(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    monkeypatch.setattr("sys.stdout", stream)
    print_json({"prompts": ["孤舟"]})
    print_path("a/孤舟é.png")
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    line, path = stream.buffer.getvalue().splitlines()
    assert json.loads(line.decode("ascii")) == {"prompts": ["孤舟"]}
    assert os.fsdecode(path) == "a/孤舟é.png"
