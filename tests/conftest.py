"""Fixtures for all tests: an empty DANQING_HOME, a tiny model with random weights, a running service."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from danqing.api import load
from danqing.pipeline import Pipeline
from danqing.settings import read_settings
from danqing.train.export import write_card
from danqing.zoo.add_custom import add_export
from danqing.zoo.catalog import ORIGINAL
from tests.postgresql import PostgresServer, find_programs, postgres_server
from tests.serving import Serving, make_home, serving
from tests.tiny_model import write_tiny_model

# On tiny tensors a second thread costs more than it saves.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DANQING_HOME with a tiny copy of the original model and random weights. Read-only: all tests share it."""
    home = tmp_path_factory.mktemp("home")
    write_tiny_model(home / "models" / ORIGINAL)
    return home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty DANQING_HOME for every test, so that tests never touch the user's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("DANQING_HOME", str(folder))
    monkeypatch.setenv("DANQING_LANGUAGE", "zh")
    return folder


@pytest.fixture
def tiny_pipeline(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The tiny model, loaded."""
    monkeypatch.setenv("DANQING_HOME", str(tiny_home))
    return load(ORIGINAL, device="cpu")


@pytest.fixture(scope="session")
def conditional_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DANQING_HOME with a tiny text-conditional model, "conditional". Read-only: all tests share it."""
    folder = tmp_path_factory.mktemp("conditional")
    write_tiny_model(folder / "export", text=True)
    write_card(folder / "export", {"prediction": "x0", "resolution": 64})
    add_export(folder / "export", "conditional", replace(read_settings(), home=folder / "home"))
    return folder / "home"


@pytest.fixture
def conditional_pipeline(conditional_home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The tiny text-conditional model, loaded."""
    monkeypatch.setenv("DANQING_HOME", str(conditional_home))
    return load("conditional", device="cpu")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A running service with the tiny model, in a process of its own. All tests share its jobs."""
    home = make_home(tmp_path_factory.mktemp("server"))
    with serving(home, "--model", ORIGINAL, "--per-key", "16") as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(programs) as server:
        yield server


SLOW_PATHS = (
    "architecture/test_imports.py",
    "benchmarks/",
    "contract/test_readme.py",
    "e2e/",
    "unit/cli/test_plan.py",
    "unit/cli/test_train.py",
    "unit/jobs/test_local_runner.py",
    "unit/jobs/test_worker_process.py",
    "unit/train/test_export.py",
    "unit/zoo/test_download",
)
SLOW_FIXTURES = {"browser", "postgres", "server", "tiny_pipeline", "conditional_pipeline"}
"""Tests under these paths or with these fixtures start processes or paint, and get the mark `slow`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, so that `scripts/test --fast` leaves them out."""
    root = Path(__file__).parent
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        path = item.path.relative_to(root).as_posix() if item.path.is_relative_to(root) else ""
        if SLOW_FIXTURES & set(fixtures) or path.startswith(SLOW_PATHS):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line with the number of skipped tests for each reason."""
    reports: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in reports if isinstance(report.longrepr, tuple)
    )
    if reasons:
        text = "; ".join(f"{count} ({reason})" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"Skipped tests: {text}")
