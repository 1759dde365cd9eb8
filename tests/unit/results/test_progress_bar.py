"""The progress bar of notebooks and terminals."""

import io
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from danqing.events import Event, Started, Stepped, Upscaled
from danqing.request import read_request
from danqing.results.progress_bar import with_progress_bar

REQUEST = read_request({"prompts": "山", "n_batches": 2, "steps": 3})


class Terminal(io.StringIO):
    """Standard error of a terminal."""

    def isatty(self) -> bool:
        return True


def run() -> Iterator[Event]:
    """Events of a run of two batches of three steps."""
    yield Started(request=REQUEST, model="mini", device="cpu", seeds=(1, 2), steps=3)
    for batch in range(2):
        for step in range(3):
            yield Stepped(batch=batch, step=step, steps=3)
        yield Upscaled(picture=batch, tile=1, tiles=4)


def test_a_terminal_shows_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := Terminal())
    assert list(with_progress_bar(run())) == list(run())
    assert "mini" in output.getvalue()
    assert "6/6" in output.getvalue()
    assert "tiles=1/4" in output.getvalue()


def test_a_notebook_shows_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setattr(sys, "stderr", output := io.StringIO())
    assert list(with_progress_bar(run())) == list(run())
    assert "4/6" in output.getvalue()


def test_a_log_file_stays_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := io.StringIO())
    assert list(with_progress_bar(run())) == list(run())
    assert output.getvalue() == ""
