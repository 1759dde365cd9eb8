"""Services without workers, whose jobs stay in the queue, called in the same process."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from danqing.jobs import RunnerLimits as RuntimeLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.server.api_keys import ApiKeyStore
from danqing.server.app import create_app
from danqing.server.dependencies import ServerContext
from danqing.server.event_stream import JobEventStream
from danqing.server.limits import Limits
from danqing.server.model_registry import ModelRegistry
from danqing.settings import Settings, read_settings
from tests.serving import MODEL

Make = Callable[..., TestClient]


@pytest.fixture
def settings(tiny_home: Path, home: Path) -> Settings:
    """A home of the test's own, with the tiny made-up model."""
    home.mkdir(exist_ok=True)
    os.symlink(tiny_home / "models", home / "models")
    return read_settings()


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Whatever a test does to the logs of this process is undone."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    """Services that are ended with the test; its arguments are fields of `Service`. Two jobs may wait, one of each key."""
    with ExitStack() as exit:

        def build(**fields: Any) -> TestClient:
            runner = LocalJobRunner(settings, limits=RuntimeLimits(queue=2, per_owner=1), devices=())
            models, keys = ModelRegistry(settings, (MODEL,)), ApiKeyStore.from_settings(settings)
            context = replace(ServerContext(runner, settings, models, keys, JobEventStream(runner), Limits()), **fields)
            runner.start()
            exit.callback(runner.stop)
            client = TestClient(create_app(context), base_url="http://127.0.0.1", raise_server_exceptions=False)
            return exit.enter_context(client)

        yield build


@pytest.fixture
def client(make: Make) -> TestClient:
    """A service as it is without options."""
    return make()


def context_behind(client: TestClient) -> ServerContext:
    """The service that a client calls."""
    return client.app.state.context  # type: ignore[attr-defined] # pyright: ignore
