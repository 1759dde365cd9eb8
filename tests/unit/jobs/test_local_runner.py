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
from danqing.jobs import Job, Limits, Numbered
from danqing.jobs.local_runner import LocalRuntime
from danqing.pipeline import Pipeline
from danqing.request import Request
from danqing.results.run_writer import Run
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.unit.jobs.requests import long, quick

pytestmark = pytest.mark.slow


def worker_of(runtime: LocalRuntime) -> int:
    pid = runtime.health().workers[0].pid
    assert pid is not None
    return pid


def steps(runtime: LocalRuntime, job: Job) -> Iterator[int]:
    """The steps of a job as they happen."""
    for numbered in runtime.events(job.id):
        if numbered is not None and isinstance(numbered.event, Stepped):
            yield numbered.event.step


def pngs(job: Job) -> list[bytes]:
    return [file.read_bytes() for file in job.pictures]


@pytest.fixture(scope="session")
def unbroken(workshop: Settings, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The picture of `long()`, painted by the library without a break."""
    from danqing.pipeline import load_model
    from danqing.zoo.registry import get_installed

    pipeline = Pipeline(load_model(get_installed(ORIGINAL, workshop), device="cpu"), workshop)
    work = api.create(long(), pipeline=pipeline, out=tmp_path_factory.mktemp("unbroken"))
    assert work.folder is not None
    return Run.open(work.folder).pictures[0].read_bytes()


def test_a_job_is_painted_as_the_library_paints_it(runtime: LocalRuntime, unbroken: bytes) -> None:
    job = runtime.wait(runtime.submit(long()).id)

    assert (job.state, job.failure, job.share) == ("finished", None, 1)
    assert (job.step, job.steps, job.position, job.seconds_left) == (60, 60, None, None)
    assert job.started is not None
    assert job.ended is not None
    assert job.created <= job.started <= job.ended
    assert pngs(job) == [unbroken]
    assert [file.name for file in job.animations] == ["000.gif"]
    assert job.sheet is not None


def test_events_are_numbered_and_can_be_read_again(runtime: LocalRuntime) -> None:
    job = runtime.submit(quick(n_batches=2))

    seen = [numbered for numbered in runtime.events(job.id) if numbered is not None]

    assert runtime.get(job.id).state == "finished"
    assert [numbered.number for numbered in seen] == list(range(1, len(seen) + 1))
    assert isinstance(seen[0].event, Started)
    assert [n.event.picture for n in seen if isinstance(n.event, Completed)] == [0, 1]
    pictures = [n for n in seen if isinstance(n.event, Previewed | Completed)]
    assert all(n.file is not None and n.file.is_file() for n in pictures)
    assert all(n.file is None for n in seen if n not in pictures)
    assert tuple(runtime.events(job.id, after=5)) == tuple(seen[5:])
    assert tuple(runtime.events(job.id, after=len(seen))) == ()
    assert tuple(runtime.events(job.id, after=10**9)) == ()


def test_whoever_must_not_wait_is_told(runtime: LocalRuntime) -> None:
    told: set[str] = set()
    end = runtime.watch(told.add)
    job = runtime.submit(quick())
    stream = runtime.events(job.id, timeout=0)
    seen: list[Numbered] = []
    empty = 0
    for numbered in stream:
        if numbered is None:
            empty += 1
            runtime.wait(job.id, 0.05)
        else:
            seen.append(numbered)
    end()

    assert told == {job.id}
    assert empty > 0
    assert tuple(seen) == tuple(runtime.events(job.id))
    other = runtime.wait(runtime.submit(quick(seed=8)).id)
    assert other.id not in told


def test_a_running_job_says_how_far_it_is(runtime: LocalRuntime) -> None:
    job = runtime.submit(long(steps=300))
    waiting = runtime.submit(quick())
    next(step for step in steps(runtime, job) if step >= 5)

    now = runtime.get(job.id)
    assert (now.state, now.steps) == ("painting", 300)
    assert now.step >= 6
    assert 0 < now.share < 1
    assert now.seconds_left is not None
    behind = runtime.get(waiting.id)
    assert (behind.state, behind.position) == ("queued", 0)
    assert behind.seconds_left is not None
    assert runtime.health().workers[0].job == job.id
    assert runtime.figures().steps_per_second > 0

    runtime.cancel(job.id)
    assert runtime.wait(waiting.id).state == "finished"


def test_a_running_job_is_cancelled_and_goes_on_later(runtime: LocalRuntime, unbroken: bytes) -> None:
    job = runtime.submit(long())
    next(step for step in steps(runtime, job) if step >= 10)

    runtime.cancel(job.id)
    cancelled = runtime.wait(job.id)
    assert (cancelled.state, cancelled.cancelling) == ("cancelled", False)
    assert 10 <= cancelled.step < 60
    before = sum(1 for _ in steps(runtime, cancelled))

    resumed = runtime.resume(job.id)
    assert resumed.state in ("queued", "painting")
    finished = runtime.wait(job.id)

    assert pngs(finished) == [unbroken]
    assert sum(1 for _ in steps(runtime, finished)) <= 60 + 2
    assert before < 60


def test_a_killed_worker_is_replaced_and_the_job_goes_on(runtime: LocalRuntime, unbroken: bytes) -> None:
    job = runtime.submit(long())
    first, restarts = worker_of(runtime), runtime.figures().restarts
    next(step for step in steps(runtime, job) if step >= 10)

    os.kill(first, signal.SIGKILL)
    finished = runtime.wait(job.id)

    assert finished.state == "finished"
    assert pngs(finished) == [unbroken]
    assert worker_of(runtime) != first
    assert runtime.figures().restarts == restarts + 1
    numbers = [n.number for n in runtime.events(job.id) if n is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not list(finished.folder.glob(".*.part"))


def test_a_job_that_kills_every_worker_fails(settings: Settings) -> None:
    huge = quick(size=(1024, 512), steps=50, cutn_batches=8, cut_overview=16, cut_innercut=16)
    with LocalRuntime(settings, limits=Limits(deaths=2)) as runtime:

        def kill_before_the_first_step(_: str) -> None:
            if runtime.get(job.id).state == "painting" and (job.folder / "events.jsonl").exists():
                worker = runtime.health().workers[0]
                if worker.ready and worker.pid is not None:
                    os.kill(worker.pid, signal.SIGKILL)

        job = runtime.submit(huge)
        end = runtime.watch(kill_before_the_first_step)
        failed = runtime.wait(job.id)
        end()

        assert failed.state == "failed"
        assert failed.failure is not None
        assert failed.failure.reason == "worker"
        assert "2" in failed.failure.zh
        last = [n.event for n in runtime.events(job.id) if n is not None][-1]
        assert isinstance(last, Failed)
        assert last.zh == failed.failure.zh
        assert runtime.figures().failures == {"worker": 1}
        assert runtime.wait(runtime.submit(quick()).id).state == "finished", "others are not hurt"


def test_a_stop_in_order_keeps_the_checkpoint(
    settings: Settings, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalRuntime(settings) as runtime:
        job, second = runtime.submit(long()), runtime.submit(quick())
        next(step for step in steps(runtime, job) if step >= 10)
        following = runtime.events(job.id)
    assert all(numbered is not None for numbered in following), "nobody is kept waiting"
    assert (job.folder / "checkpoint.safetensors").exists()

    with LocalRuntime(settings, devices=()) as runtime:
        kept = runtime.get(job.id)
        assert (kept.state, kept.position, runtime.get(second.id).position) == ("queued", 0, 1)
        assert kept.step >= 10
        assert kept.started is not None
    with LocalRuntime(settings) as runtime:
        assert pngs(runtime.wait(job.id)) == [unbroken]
        assert runtime.wait(second.id).state == "finished"
        painted = list(steps(runtime, job))
    assert [after for before, after in pairwise(painted) if after != before + 1] in ([], [kept.step - 1])


SERVER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from danqing.jobs.local_runner import LocalRuntime
from danqing.settings import read_settings
LocalRuntime(replace(read_settings(), home=Path(sys.argv[1]), device="cpu")).start()
time.sleep(600)
"""


def test_a_server_that_is_killed_loses_nothing(
    settings: Settings, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalRuntime(settings, devices=()) as runtime:
        jobs = [runtime.submit(request) for request in (long(), quick(), quick(seed=8))]
    log = jobs[0].folder / "events.jsonl"
    with subprocess.Popen([sys.executable, "-c", SERVER, str(settings.home)]) as server:
        while not (log.exists() and b'"step":10' in log.read_bytes()):
            assert server.poll() is None
            threading.Event().wait(0.02)
        server.kill()

    with LocalRuntime(settings) as runtime:
        ended = [runtime.wait(job.id) for job in jobs]

    assert [job.state for job in ended] == ["finished"] * 3
    assert pngs(ended[0]) == [unbroken]
    assert len({job.folder for job in ended}) == 3


def failed(runtime: LocalRuntime, request: Request) -> tuple[Job, str]:
    job = runtime.wait(runtime.submit(request).id)
    assert job.state == "failed"
    assert job.failure is not None
    return job, job.failure.reason


def test_why_jobs_fail(runtime: LocalRuntime, tmp_path: Path) -> None:
    gone, reason = failed(runtime, quick(init_image=str(tmp_path / "nothing.png")))
    assert reason == "request"
    assert gone.failure is not None
    assert "nothing.png" in gone.failure.zh
    assert [n.event.type for n in runtime.events(gone.id) if n is not None] == ["failed"]

    (tmp_path / "later.png").symlink_to(tmp_path / "absent.png")
    resumed = runtime.wait(runtime.resume(gone.id).id)
    assert resumed.state == "failed", "as long as nothing has changed"


def test_a_model_that_is_damaged_meanwhile(workshop: Settings, tmp_path: Path) -> None:
    from tests.tiny_model import write_tiny_model

    settings = replace(workshop, home=tmp_path / "home")
    file = write_tiny_model(settings.models / ORIGINAL) / "unet.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with LocalRuntime(settings) as runtime:
        job, reason = failed(runtime, quick())
        assert reason == "model"

        file.write_bytes(whole)
        assert runtime.wait(runtime.resume(job.id).id).state == "finished"
        assert runtime.get(job.id).failure is None
        assert runtime.figures().failures == {"model": 1}
