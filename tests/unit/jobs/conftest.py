"""Runners for tests: one with a worker that many tests share, and one without workers, whose jobs stay queued."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import RunnerLimits
from danqing.jobs.database import JobDatabase
from danqing.jobs.local_runner import LocalJobRunner
from danqing.jobs.postgres_database import PostgresDatabase
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import ORIGINAL
from tests.postgresql import PostgresServer


@pytest.fixture(scope="session")
def shared_settings(tiny_home: Path) -> Settings:
    """Settings of a home with the tiny model."""
    return replace(read_settings(), home=tiny_home, device="cpu")


@pytest.fixture(scope="session")
def runner(shared_settings: Settings) -> Iterator[LocalJobRunner]:
    """A runner with one worker. Tests leave no unfinished job in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # as in the process of the tests, whose pictures are compared
        with LocalJobRunner(shared_settings, preload=ORIGINAL) as running:
            yield running


@pytest.fixture
def settings(tmp_path: Path, shared_settings: Settings) -> Settings:
    """A separate home with the same model."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    os.symlink(shared_settings.models, home / "models")
    return replace(shared_settings, home=home)


@pytest.fixture
def queue(settings: Settings) -> Iterator[LocalJobRunner]:
    """A runner without workers: at most two queued jobs, one per owner."""
    with LocalJobRunner(settings, limits=RunnerLimits(queue=2, per_owner=1), devices=()) as waiting:
        yield waiting


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobDatabase]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        opened: JobDatabase = SqliteDatabase(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        opened = PostgresDatabase(server.create_database())
    yield opened
    opened.close()
