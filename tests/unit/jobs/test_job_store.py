"""The stored jobs: their order and their states."""

from pathlib import Path

import pytest

from danqing.errors import JobNotFound
from danqing.i18n import Text
from danqing.jobs import Failure, RunnerLimits
from danqing.jobs.database import JobDatabase
from danqing.jobs.job_store import JobStore, NewJob, RequestKey, request_digest
from danqing.jobs.progress import Progress
from danqing.request import read_request
from tests.unit.jobs.requests import quick

COMPLETE = read_request(quick().model_dump(mode="json"))


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """Three queued jobs."""
    store = JobStore(JobDatabase(tmp_path), tmp_path / "jobs")
    for id in "abc":
        assert store.add(NewJob(id, RequestKey("digest", ""), COMPLETE, 1), limits=RunnerLimits()) == "accepted"
    return store


def claim(store: JobStore) -> str | None:
    claimed = store.claim()
    return claimed.job.id if claimed else None


def test_jobs_are_claimed_in_order_and_once(store: JobStore) -> None:
    assert store.add(NewJob("a", RequestKey("digest", ""), COMPLETE, 1), limits=RunnerLimits()) == "duplicate"
    assert [claim(store) for _ in range(4)] == ["a", "b", "c", None]
    assert store.counts() == {"queued": 0, "painting": 3, "finished": 0, "failed": 0, "cancelled": 0}
    assert store.get("a").request == COMPLETE
    assert store.get("a").started is not None


def test_an_interrupted_job_keeps_its_position(store: JobStore) -> None:
    claim(store)
    store.requeue("a", Progress(0, 3, 6))

    waiting = store.get("a")
    assert (waiting.state, waiting.position, waiting.step, waiting.steps) == ("queued", 0, 3, 6)
    assert claim(store) == "a"
    assert store.get("a").started == waiting.started, "painting first began then"


def test_a_job_being_cancelled_is_not_queued_again(store: JobStore) -> None:
    claim(store)
    claim(store)
    assert not store.cancel("a")
    assert store.get("a").cancelling
    assert store.cancel("c")

    store.requeue_running()

    assert [store.state(id) for id in "abc"] == ["cancelled", "queued", "cancelled"]
    assert not store.get("a").cancelling


def test_the_failure_is_stored_until_the_job_is_resumed(store: JobStore) -> None:
    claim(store)
    failure = Failure("nan", Text("画", "p"))
    store.finish("a", "failed", progress=Progress(0, 2, 6), failure=failure)
    assert (store.get("a").failure, store.get("a").step) == (failure, 2)

    assert store.resume("a", limits=RunnerLimits(queue=2)) == "queue_full"
    assert store.state("a") == "failed"
    assert store.resume("a", limits=RunnerLimits()) == "accepted"

    again = store.get("a")
    assert (again.state, again.failure, again.ended, again.position) == ("queued", None, None, 2)


def test_only_a_painting_job_ends(store: JobStore) -> None:
    store.finish("a", "finished", progress=Progress())
    assert store.state("a") == "queued"


def test_deleted_jobs_are_not_found(store: JobStore) -> None:
    store.delete("a")
    for ask in (store.get, store.state):
        with pytest.raises(JobNotFound):
            ask("a")
    assert store.key("a") is None
    assert store.ids() == ("b", "c")


def test_the_digest_covers_the_given_fields() -> None:
    assert request_digest(quick()) == request_digest(quick())
    assert request_digest(quick(seed=None)) != request_digest(quick())
