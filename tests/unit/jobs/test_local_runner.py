"""Jobs painted by a worker process: what comes out, and what happens when somebody or something stops it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from danqing import api
from danqing.events import Completed, Failed, Previewed, Started, Stepped
from danqing.jobs import Job, NumberedEvent, RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.pipeline import Pipeline
from danqing.request import Request
from danqing.results.run_writer import Run
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.unit.jobs.metric_values import metric
from tests.unit.jobs.requests import long, quick

pytestmark = pytest.mark.slow


def worker_of(runner: LocalJobRunner) -> int:
    pid = runner.health().workers[0].pid
    assert pid is not None
    return pid


def steps(runner: LocalJobRunner, job: Job) -> Iterator[int]:
    """The steps of a job as they happen."""
    for numbered in runner.events(job.id):
        if numbered is not None and isinstance(numbered.event, Stepped):
            yield numbered.event.step


def pngs(job: Job) -> list[bytes]:
    return [file.read_bytes() for file in job.pictures]


@pytest.fixture(scope="session")
def unbroken(shared_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The picture of `long()`, painted by the library without a break."""
    from danqing.pipeline import load_model
    from danqing.zoo.registry import get_installed

    pipeline = Pipeline(
        load_model(get_installed(ORIGINAL, shared_settings), home=shared_settings.home, device="cpu"), shared_settings
    )
    work = api.create(long(), pipeline=pipeline, out=tmp_path_factory.mktemp("unbroken"))
    assert work.folder is not None
    return Run.open(work.folder).pictures[0].read_bytes()


def test_a_job_is_painted_as_the_library_paints_it(runner: LocalJobRunner, unbroken: bytes) -> None:
    job = runner.wait(runner.submit(long()).id)

    assert (job.state, job.failure, job.progress) == ("finished", None, 1)
    assert (job.step, job.steps, job.position, job.seconds_left) == (60, 60, None, None)
    assert job.started is not None
    assert job.ended is not None
    assert job.created <= job.started <= job.ended
    assert pngs(job) == [unbroken]
    assert [file.name for file in job.animations] == ["000.gif"]
    assert job.sheet is not None


def test_events_are_numbered_and_can_be_read_again(runner: LocalJobRunner) -> None:
    job = runner.submit(quick(n_batches=2))

    seen = [numbered for numbered in runner.events(job.id) if numbered is not None]

    assert runner.get(job.id).state == "finished"
    assert [numbered.number for numbered in seen] == list(range(1, len(seen) + 1))
    assert isinstance(seen[0].event, Started)
    assert [n.event.picture for n in seen if isinstance(n.event, Completed)] == [0, 1]
    pictures = [n for n in seen if isinstance(n.event, Previewed | Completed)]
    assert all(n.file is not None and n.file.is_file() for n in pictures)
    assert all(n.file is None for n in seen if n not in pictures)
    assert tuple(runner.events(job.id, after=5)) == tuple(seen[5:])
    assert tuple(runner.events(job.id, after=len(seen))) == ()
    assert tuple(runner.events(job.id, after=10**9)) == ()


def test_whoever_must_not_wait_is_told(runner: LocalJobRunner) -> None:
    told: set[str] = set()
    end = runner.subscribe(told.add)
    job = runner.submit(quick())
    stream = runner.events(job.id, timeout=0)
    seen: list[NumberedEvent] = []
    empty = 0
    for numbered in stream:
        if numbered is None:
            empty += 1
            runner.wait(job.id, 0.05)
        else:
            seen.append(numbered)
    end()

    assert told == {job.id}
    assert empty > 0
    assert tuple(seen) == tuple(runner.events(job.id))
    other = runner.wait(runner.submit(quick(seed=8)).id)
    assert other.id not in told


def test_a_running_job_says_how_far_it_is(runner: LocalJobRunner) -> None:
    job = runner.submit(long(steps=300))
    waiting = runner.submit(quick())
    next(step for step in steps(runner, job) if step >= 5)

    now = runner.get(job.id)
    assert (now.state, now.steps) == ("painting", 300)
    assert now.step >= 6
    assert 0 < now.progress < 1
    assert now.seconds_left is not None
    behind = runner.get(waiting.id)
    assert (behind.state, behind.position) == ("queued", 0)
    assert behind.seconds_left is not None
    assert runner.health().workers[0].job == job.id
    assert metric(runner, "steps_total") > 0

    runner.cancel(job.id)
    assert runner.wait(waiting.id).state == "finished"


def test_a_running_job_is_cancelled_and_goes_on_later(runner: LocalJobRunner, unbroken: bytes) -> None:
    job = runner.submit(long())
    next(step for step in steps(runner, job) if step >= 10)

    runner.cancel(job.id)
    cancelled = runner.wait(job.id)
    assert (cancelled.state, cancelled.cancelling) == ("cancelled", False)
    assert 10 <= cancelled.step < 60
    before = sum(1 for _ in steps(runner, cancelled))

    resumed = runner.resume(job.id)
    assert resumed.state in ("queued", "painting")
    finished = runner.wait(job.id)

    assert pngs(finished) == [unbroken]
    assert sum(1 for _ in steps(runner, finished)) <= 60 + 2
    assert before < 60


def test_a_killed_worker_is_replaced_and_the_job_goes_on(runner: LocalJobRunner, unbroken: bytes) -> None:
    job = runner.submit(long())
    first, restarts = worker_of(runner), metric(runner, "worker_restarts_total")
    next(step for step in steps(runner, job) if step >= 10)

    os.kill(first, signal.SIGKILL)
    finished = runner.wait(job.id)

    assert finished.state == "finished"
    assert pngs(finished) == [unbroken]
    assert worker_of(runner) != first
    assert metric(runner, "worker_restarts_total") == restarts + 1
    numbers = [n.number for n in runner.events(job.id) if n is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not list(finished.folder.glob(".*.part"))


def test_a_job_that_kills_every_worker_fails(settings: Settings) -> None:
    huge = quick(size=(1024, 512), steps=50, cutn_batches=8, cut_overview=16, cut_innercut=16)
    with LocalJobRunner(settings, limits=RunnerLimits(max_crashes=2)) as runner:

        def kill_before_the_first_step(_: str) -> None:
            if runner.get(job.id).state == "painting" and (job.folder / "events.jsonl").exists():
                worker = runner.health().workers[0]
                if worker.ready and worker.pid is not None:
                    os.kill(worker.pid, signal.SIGKILL)

        job = runner.submit(huge)
        end = runner.subscribe(kill_before_the_first_step)
        failed = runner.wait(job.id)
        end()

        assert failed.state == "failed"
        assert failed.failure is not None
        assert failed.failure.reason == "worker"
        assert "2" in failed.failure.text.zh
        last = [n.event for n in runner.events(job.id) if n is not None][-1]
        assert isinstance(last, Failed)
        assert last.zh == failed.failure.text.zh
        assert metric(runner, "jobs_failed_total", "worker") == 1
        assert runner.wait(runner.submit(quick()).id).state == "finished", "others are not hurt"


def test_a_stop_in_order_keeps_the_checkpoint(
    settings: Settings, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalJobRunner(settings) as runner:
        job, second = runner.submit(long()), runner.submit(quick())
        next(step for step in steps(runner, job) if step >= 10)
        following = runner.events(job.id)
    assert all(numbered is not None for numbered in following), "nobody is kept waiting"
    assert (job.folder / "checkpoint.safetensors").exists()

    with LocalJobRunner(settings, devices=()) as runner:
        kept = runner.get(job.id)
        assert (kept.state, kept.position, runner.get(second.id).position) == ("queued", 0, 1)
        assert kept.step >= 10
        assert kept.started is not None
    with LocalJobRunner(settings) as runner:
        assert pngs(runner.wait(job.id)) == [unbroken]
        assert runner.wait(second.id).state == "finished"
        painted = list(steps(runner, job))
    assert [after for before, after in pairwise(painted) if after != before + 1] in ([], [kept.step - 1])


SERVER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import read_settings
LocalJobRunner(replace(read_settings(), home=Path(sys.argv[1]), device="cpu")).start()
time.sleep(600)
"""


def test_a_server_that_is_killed_loses_nothing(
    settings: Settings, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalJobRunner(settings, devices=()) as runner:
        jobs = [runner.submit(request) for request in (long(), quick(), quick(seed=8))]
    log = jobs[0].folder / "events.jsonl"
    with subprocess.Popen([sys.executable, "-c", SERVER, str(settings.home)]) as server:
        while not (log.exists() and b'"step":10' in log.read_bytes()):
            assert server.poll() is None
            threading.Event().wait(0.02)
        server.kill()

    with LocalJobRunner(settings) as runner:
        ended = [runner.wait(job.id) for job in jobs]

    assert [job.state for job in ended] == ["finished"] * 3
    assert pngs(ended[0]) == [unbroken]
    assert len({job.folder for job in ended}) == 3


def failed(runner: LocalJobRunner, request: Request) -> tuple[Job, str]:
    job = runner.wait(runner.submit(request).id)
    assert job.state == "failed"
    assert job.failure is not None
    return job, job.failure.reason


def test_why_jobs_fail(runner: LocalJobRunner, tmp_path: Path) -> None:
    gone, reason = failed(runner, quick(init_image=str(tmp_path / "nothing.png")))
    assert reason == "request"
    assert gone.failure is not None
    assert "nothing.png" in gone.failure.text.zh
    assert [n.event.type for n in runner.events(gone.id) if n is not None] == ["failed"]

    (tmp_path / "later.png").symlink_to(tmp_path / "absent.png")
    resumed = runner.wait(runner.resume(gone.id).id)
    assert resumed.state == "failed", "as long as nothing has changed"


def test_a_model_that_is_damaged_meanwhile(shared_settings: Settings, tmp_path: Path) -> None:
    from tests.tiny_model import write_tiny_model

    settings = replace(shared_settings, home=tmp_path / "home")
    file = write_tiny_model(settings.models / ORIGINAL) / "unet.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with LocalJobRunner(settings) as runner:
        job, reason = failed(runner, quick())
        assert reason == "model"

        file.write_bytes(whole)
        assert runner.wait(runner.resume(job.id).id).state == "finished"
        assert runner.get(job.id).failure is None
        assert metric(runner, "jobs_failed_total", "model") == 1
