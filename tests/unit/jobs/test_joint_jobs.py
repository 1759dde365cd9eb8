"""Jobs of one kind that a worker paints together."""

import os
import signal
import time
from collections.abc import Callable, Sequence

import pytest
from PIL import Image, ImageChops

from danqing import api
from danqing.events import Started, Stepped
from danqing.jobs import Job, RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.pipeline import Pipeline
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.unit.jobs.requests import long, quick

pytestmark = pytest.mark.slow


def joint_runner(settings: Settings) -> LocalJobRunner:
    return LocalJobRunner(settings, limits=RunnerLimits(together=3), preload=ORIGINAL)


def submit(runner: LocalJobRunner, requests: Sequence[Request]) -> list[Job]:
    """Queue jobs so that they wait together."""
    runner.pause(True)
    jobs = [runner.submit(request) for request in requests]
    runner.pause(False)
    return jobs


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def painting(runner: LocalJobRunner, jobs: Sequence[Job]) -> int:
    return sum(runner.get(job.id).state == "painting" for job in jobs)


def difference(one: Image.Image, other: Image.Image) -> int:
    found = ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema()
    return max(high for _, high in found)  # type: ignore[misc] # pyright: ignore


def test_waiting_jobs_are_painted_together_with_events_of_their_own(
    settings: Settings, tiny_pipeline: Pipeline
) -> None:
    requests = [long(seed=seed, steps=20) for seed in (1, 2, 3, 4)]
    with joint_runner(settings) as runner:
        jobs = submit(runner, requests)
        wait_until(lambda: painting(runner, jobs) == 3)
        assert {worker.pid for worker in runner.health().workers} == {runner.health().workers[0].pid}
        ended = [runner.wait(job.id, 300) for job in jobs]
        assert [job.state for job in ended] == ["finished"] * 4
        for job, request in zip(ended, requests, strict=True):
            events = [numbered.event for numbered in runner.events(job.id) if numbered is not None]
            assert [event.seeds for event in events if isinstance(event, Started)] == [(request.seed,)]
            assert [event.step for event in events if isinstance(event, Stepped)] == list(range(20))
            alone = api.create(request, pipeline=tiny_pipeline, out=None)[0].image
            assert difference(Image.open(job.pictures[0]), alone) <= 1
        assert len(runner.health().workers) == 1


def test_one_of_several_jobs_is_cancelled_and_resumed(settings: Settings) -> None:
    with joint_runner(settings) as runner:
        jobs = submit(runner, [long(seed=seed, steps=20) for seed in (1, 2, 3)])
        wait_until(lambda: painting(runner, jobs) == 3 and all(runner.get(job.id).step > 2 for job in jobs))
        runner.cancel(jobs[1].id)
        assert runner.wait(jobs[1].id, 60).state == "cancelled"
        reached = runner.get(jobs[1].id).step
        assert 2 < reached < 20
        runner.resume(jobs[1].id)
        assert [runner.wait(job.id, 300).state for job in jobs] == ["finished"] * 3
        started = [event for event in runner.events(jobs[1].id) if event and isinstance(event.event, Started)]
        assert len(started) == 2


def test_a_job_of_another_kind_waits_for_its_turn(settings: Settings) -> None:
    with joint_runner(settings) as runner:
        jobs = submit(runner, [quick(seed=1), quick(seed=2, steps=8), quick(seed=3)])
        seen: set[tuple[str, ...]] = set()

        def all_ended() -> bool:
            seen.add(tuple(runner.get(job.id).state for job in jobs))
            return all(runner.get(job.id).is_ended for job in jobs)

        wait_until(all_ended)
        assert all(states.count("painting") <= 1 for states in seen)
        assert [runner.get(job.id).state for job in jobs] == ["finished"] * 3


def test_jobs_go_on_one_at_a_time_after_their_worker_is_killed(settings: Settings) -> None:
    with joint_runner(settings) as runner:
        jobs = submit(runner, [long(seed=seed, steps=20) for seed in (1, 2, 3)])
        wait_until(lambda: painting(runner, jobs) == 3 and all(runner.get(job.id).step > 2 for job in jobs))
        pid = runner.health().workers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: painting(runner, jobs) <= 1)
        most = 0
        while not all(runner.get(job.id).is_ended for job in jobs):
            most = max(most, painting(runner, jobs))
            time.sleep(0.05)
        assert most == 1
        assert [runner.get(job.id).state for job in jobs] == ["finished"] * 3
        assert runner.health().workers[0].restarts == 1
