"""Leases: the jobs of a dead runner return to the queue, those of a living one do not."""

import time
from pathlib import Path

import pytest

from danqing.errors import StorageError
from danqing.jobs import RunnerLimits, runner_lease
from danqing.jobs.database import JobDatabase
from danqing.jobs.job_rows import NewJob, RequestKey
from danqing.jobs.job_store import JobStore
from danqing.jobs.progress import Progress
from danqing.jobs.runner_lease import LEASE_SECONDS, Renewal, RunnerLease, renew
from danqing.request import read_request
from tests.unit.jobs.requests import quick

COMPLETE = read_request(quick().model_dump(mode="json"))


def runner(database: JobDatabase, name: str, *jobs: str) -> JobStore:
    """A runner with a lease that has claimed new jobs."""
    renew(database, name, {}, workers=1)
    store = JobStore(database, Path("jobs"), runner=name)
    for id in jobs:
        assert store.add(NewJob(id, RequestKey("digest", ""), COMPLETE, 1), limits=RunnerLimits()) == "accepted"
        claimed = store.claim()
        assert claimed is not None
        assert claimed.job.id == id
    return store


def expire(database: JobDatabase, name: str) -> None:
    sql = "UPDATE runners SET seen_at = seen_at - ? WHERE id = ?"
    database.transaction(lambda connection: connection.execute(sql, (LEASE_SECONDS + 1, name)))


def test_jobs_of_a_dead_runner_return_with_their_progress(database: JobDatabase) -> None:
    first, second = runner(database, "first", "a", "b"), runner(database, "second", "c")
    running = {"a": Progress(0, 3, 6), "b": Progress(0, 1, 6)}
    assert renew(database, "first", running, workers=2) == Renewal((), (), 3)
    assert second.get("a").step == 3, "the other runner sees the progress"
    assert renew(database, "second", {"c": Progress()}, workers=1) == Renewal((), (), 3)
    assert [first.state(id) for id in "abc"] == ["painting"] * 3

    assert not second.cancel("b")
    expire(database, "first")
    assert renew(database, "second", {"c": Progress()}, workers=1) == Renewal((), (), 1)

    assert [first.state(id) for id in "abc"] == ["queued", "cancelled", "painting"]
    claimed = second.claim()
    assert claimed is not None
    assert (claimed.job.id, claimed.job.step, claimed.job.steps) == ("a", 3, 6)
    # The first one was only asleep:
    assert renew(database, "first", running, workers=2) == Renewal((), ("a", "b"), 3)
    first.finish("a", "failed", progress=Progress())
    assert first.state("a") == "painting"


def test_a_runner_learns_what_was_cancelled_elsewhere(database: JobDatabase) -> None:
    runner(database, "first", "a")
    other = runner(database, "other")
    other.cancel("a")
    assert renew(database, "first", {"a": Progress()}, workers=1).cancelling == ("a",)


def test_a_lease_ends_with_its_runner_and_interrupts_without_the_database(
    database: JobDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_lease, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(runner_lease, "INTERRUPT_SECONDS", 0.05)
    store = runner(database, "first", "a")
    cancelled: list[str] = []
    lost: list[str] = []
    lease = RunnerLease(
        database,
        "first",
        workers=2,
        running=lambda: {"a": Progress(0, 5, 6)},
        on_cancel=cancelled.append,
        on_lost=lost.append,
    )
    store.cancel("a")
    _wait(lambda: cancelled)
    assert (store.get("a").step, lease.total_workers, lost) == (5, 2, [])

    def fails(*_: object, **__: object) -> Renewal:
        raise StorageError("断开", "disconnected")

    with monkeypatch.context() as patch:
        patch.setattr(runner_lease, "renew", fails)
        _wait(lambda: lost)
    lease.stop()
    assert set(lost) == {"a"}
    assert database.query("SELECT id FROM runners") == []


def _wait(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)
