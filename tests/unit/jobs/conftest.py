"""Runtimes for tests: one with a worker that many tests share, and ones without any, whose jobs stay in the queue."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import Limits
from danqing.jobs.local_runner import LocalRuntime
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import ORIGINAL
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the tiny made-up model."""
    home = tmp_path_factory.mktemp("workshop")
    write_tiny_model(home / "models" / ORIGINAL)
    return replace(read_settings(), home=home, device="cpu")


@pytest.fixture(scope="session")
def runtime(workshop: Settings) -> Iterator[LocalRuntime]:
    """A runtime with one worker. Tests leave no job unfinished in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # as in the process of the tests, whose pictures are compared
        with LocalRuntime(workshop) as running:
            yield running


@pytest.fixture
def settings(tmp_path: Path, workshop: Settings) -> Settings:
    """A home of the test's own with the same model."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    os.symlink(workshop.models, home / "models")
    return replace(workshop, home=home)


@pytest.fixture
def queue(settings: Settings) -> Iterator[LocalRuntime]:
    """A runtime without workers that takes two jobs, and one of each owner."""
    with LocalRuntime(settings, limits=Limits(queue=2, per_owner=1), devices=()) as waiting:
        yield waiting
