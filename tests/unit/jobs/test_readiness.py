"""A runner is ready once its workers have loaded a model, and tells why it is not."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from danqing.jobs import watchdog
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.unit.jobs.requests import long, quick

pytestmark = pytest.mark.slow


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_runner_is_ready_when_the_model_is_loaded(settings: Settings) -> None:
    with LocalJobRunner(settings, preload=ORIGINAL) as runner:
        assert not runner.health().ready
        wait_until(lambda: runner.health().ready)
        assert runner.health().problems == ()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_does_not_exist_is_not_ready_and_keeps_the_jobs(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=("cuda",), preload=ORIGINAL) as runner:
        job = runner.submit(quick())
        wait_until(lambda: runner.health().problems != ())
        health = runner.health()
        assert not health.ready
        assert "cuda" in health.problems[0].en
        assert runner.get(job.id).state == "queued"


def test_a_model_that_is_not_installed_is_told(settings: Settings, tmp_path: Path) -> None:
    empty = replace(settings, home=tmp_path / "empty")
    with LocalJobRunner(empty, preload=ORIGINAL) as runner:
        wait_until(lambda: runner.health().problems != ())
        assert not runner.health().ready
        assert ORIGINAL in runner.health().problems[0].en


def test_a_stopped_worker_is_not_ready(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "RESPONSIVE_SECONDS", 3.0)
    with LocalJobRunner(settings, preload=ORIGINAL) as runner:
        wait_until(lambda: runner.health().ready)
        pid = runner.health().workers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: not runner.health().ready, 10)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: runner.health().ready, 10)


def test_a_job_stored_by_another_version_fails_alone(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=()) as runner:
        old, good = runner.submit(long()), runner.submit(quick())
        database = runner._store()._database  # pyright: ignore[reportPrivateUsage]
        change = "UPDATE jobs SET request = json_set(request, '$.removed_field', 1) WHERE id = ?"
        database.transaction(lambda rows: rows.execute(change, (old.id,)))
        assert {job.id for job in runner.jobs()} == {old.id, good.id}

    with LocalJobRunner(settings, preload=ORIGINAL) as runner:
        failed = runner.wait(old.id)
        assert (failed.state, failed.failure and failed.failure.reason) == ("failed", "request")
        assert failed.failure is not None
        assert "removed_field" in failed.failure.text.en
        assert runner.wait(good.id).state == "finished"
