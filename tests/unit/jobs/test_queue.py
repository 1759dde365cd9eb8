"""The queue by itself: what is taken, refused, cancelled and forgotten, with nobody there to paint."""

import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from danqing.errors import (
    HomeLocked,
    InvalidRequest,
    JobConflict,
    JobNotFound,
    ModelNotFound,
    QueueFull,
    ServiceStopping,
    TooManyJobs,
)
from danqing.jobs import RunnerLimits
from danqing.jobs.job_store import idempotent_id
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.postgresql import PostgresServer
from tests.unit.jobs.metric_values import metric
from tests.unit.jobs.requests import quick


def test_a_job_is_complete_when_it_is_taken(queue: LocalJobRunner) -> None:
    job = queue.submit(quick(seed=None), owner="anna")

    assert (job.state, job.model, job.owner, job.position) == ("queued", ORIGINAL, "anna", 0)
    assert job.request.seed is not None
    assert job.request.model_fields_set == set(type(job.request).model_fields)
    assert queue.get(job.id) == job
    assert (job.started, job.ended, job.failure, job.pictures, job.progress) == (None, None, None, (), 0)


def test_an_id_of_the_callers_own_is_taken_once(queue: LocalJobRunner) -> None:
    id = str(uuid4())
    job = queue.submit(quick(seed=None), id=id.upper(), owner="anna")

    assert job.id == id
    assert queue.submit(quick(seed=None), id=id, owner="anna") == job
    with pytest.raises(JobConflict):
        queue.submit(quick(seed=8), id=id, owner="anna")
    with pytest.raises(JobConflict):
        queue.submit(quick(seed=None), id=id, owner="berta")
    with pytest.raises(InvalidRequest, match="UUID"):
        queue.submit(quick(), id="../../etc/passwd")
    assert len(queue.jobs()) == 1


def test_what_does_not_fit_is_refused_and_counted(queue: LocalJobRunner) -> None:
    first = queue.submit(quick(), owner="anna")
    with pytest.raises(TooManyJobs) as caught:
        queue.submit(quick(), owner="anna")
    assert caught.value.retry_after > 0
    queue.submit(quick(), owner="berta")
    with pytest.raises(QueueFull):
        queue.submit(quick())

    assert queue.submit(quick(), id=first.id, owner="anna") == first, "asking again is not refused"
    queue.cancel(first.id)
    assert queue.submit(quick()).position == 1
    assert [metric(queue, "jobs_rejected_total", reason) for reason in ("owner_limit", "queue_full")] == [1, 1]
    assert (queue.health().queued, queue.health().painting) == (2, 0)


def test_jobs_without_an_owner_are_limited_by_the_queue_alone(queue: LocalJobRunner) -> None:
    assert [queue.submit(quick()).position for _ in range(2)] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"n_batches": 5, "batch_size": 4}, "n_batches"), ({"size": (1792, 1088)}, "size"), ({"eta": 9}, "eta")],
)
def test_what_cannot_be_painted_is_refused_at_once(
    queue: LocalJobRunner, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        queue.submit(quick(**changes))
    assert caught.value.field == field
    assert queue.jobs() == ()


def test_a_model_that_is_not_there_is_refused_at_once(queue: LocalJobRunner) -> None:
    with pytest.raises(ModelNotFound):
        queue.submit(quick(model="nobody"))


def test_listing_by_owner_and_state_page_by_page(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=()) as queue:
        jobs = [queue.submit(quick(), owner="ab"[n % 2]) for n in range(6)]
        queue.cancel(jobs[4].id)

        assert [job.id for job in queue.jobs(limit=2)] == [jobs[5].id, jobs[4].id]
        assert [job.id for job in queue.jobs(limit=2, before=jobs[4].id)] == [jobs[3].id, jobs[2].id]
        assert [job.id for job in queue.jobs(owner="a")] == [jobs[4].id, jobs[2].id, jobs[0].id]
        assert [job.id for job in queue.jobs(owner="a", states=("queued",))] == [jobs[2].id, jobs[0].id]
        assert queue.jobs(states=("finished", "failed")) == ()
        assert [queue.get(job.id).position for job in jobs] == [0, 1, 2, 3, None, 4]
        with pytest.raises(JobNotFound):
            queue.jobs(before="nobody")


def test_a_start_picture_is_kept_but_left_out_of_listings(queue: LocalJobRunner) -> None:
    uri = "data:image/png;base64,iVBORw0KGgo="
    job = queue.submit(quick(init_image=uri))

    assert queue.get(job.id).request.init_image == uri
    assert queue.jobs()[0].request.init_image == "data:,"


def test_cancelling_is_final_and_harmless_to_repeat(queue: LocalJobRunner) -> None:
    job = queue.submit(quick())

    cancelled = queue.cancel(job.id)

    assert (cancelled.state, cancelled.cancelling, cancelled.is_ended) == ("cancelled", False, True)
    assert queue.cancel(job.id) == cancelled
    assert queue.wait(job.id) == cancelled
    assert list(queue.events(job.id)) == []
    assert metric(queue, "jobs_ended_total", "cancelled") == 1
    with pytest.raises(JobNotFound):
        queue.cancel(str(uuid4()))


def test_a_cancelled_job_can_wait_again_at_the_end(queue: LocalJobRunner) -> None:
    first, second = queue.submit(quick()), queue.submit(quick(seed=8))
    queue.cancel(first.id)

    again = queue.resume(first.id)

    assert (again.state, again.position, again.ended) == ("queued", 1, None)
    assert queue.get(second.id).position == 0
    assert queue.resume(first.id) == again


def test_only_what_has_ended_can_be_forgotten(queue: LocalJobRunner) -> None:
    job = queue.submit(quick())
    with pytest.raises(JobConflict):
        queue.delete(job.id)
    queue.cancel(job.id)
    job.folder.mkdir(parents=True)

    queue.delete(job.id)

    assert not job.folder.exists()
    with pytest.raises(JobNotFound):
        queue.get(job.id)
    with pytest.raises(JobNotFound):
        queue.events(job.id)


def test_jobs_wait_for_the_next_start_and_no_folder_is_removed(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=()) as queue:
        jobs = [queue.submit(quick(seed=n)) for n in range(3)]
        foreign = jobs[0].folder.parent / str(uuid4())
        foreign.mkdir(parents=True)
        jobs[1].folder.mkdir()

    with LocalJobRunner(settings, devices=()) as queue:
        assert [queue.get(job.id).position for job in jobs] == [0, 1, 2]
        assert (foreign.exists(), jobs[1].folder.exists()) == (True, True)


def test_runners_with_a_shared_database_share_jobs_and_limits(settings: Settings, postgres: PostgresServer) -> None:
    shared = replace(settings, database=postgres.create_database())
    limits = RunnerLimits(queue=2, per_owner=1)
    with ExitStack() as stack:
        one, other = (stack.enter_context(LocalJobRunner(shared, limits=limits, devices=())) for _ in range(2))
        job = one.submit(quick(), owner="anna")
        assert other.get(job.id) == job
        with pytest.raises(TooManyJobs) as busy:
            other.submit(quick(), owner="anna")
        second = other.submit(quick(), owner="berta")
        with pytest.raises(QueueFull) as full:
            one.submit(quick(), owner="clara")
        assert min(busy.value.retry_after, full.value.retry_after) > 0
        assert [each.id for each in one.jobs()] == [second.id, job.id]

        threading.Timer(0.2, lambda: other.cancel(job.id)).start()
        assert one.wait(job.id, timeout=60).state == "cancelled", "wakes up through the database"
        other.delete(job.id)
        with pytest.raises(JobNotFound):
            one.get(job.id)
    with LocalJobRunner(shared, devices=()) as again:
        assert [each.id for each in again.jobs()] == [second.id]


def test_one_service_in_a_home(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=()), pytest.raises(HomeLocked) as caught:
        LocalJobRunner(settings, devices=()).start()
    assert caught.value.pid == os.getpid()
    assert str(os.getpid()) in caught.value.zh

    LocalJobRunner(settings, devices=()).start()


def test_before_the_start_and_after_the_end_there_is_nobody(settings: Settings) -> None:
    queue = LocalJobRunner(settings, devices=())
    with pytest.raises(ServiceStopping):
        queue.submit(quick())
    queue.start()
    job = queue.submit(quick())
    stream = queue.events(job.id)
    queue.stop()
    queue.stop()

    for ask in (lambda: queue.submit(quick()), lambda: queue.get(job.id), queue.health, queue.jobs):
        with pytest.raises(ServiceStopping) as caught:
            ask()
        assert caught.value.retry_after > 0
    assert list(stream) == []


def test_old_jobs_are_forgotten(settings: Settings) -> None:
    with LocalJobRunner(settings, limits=RunnerLimits(keep_days=1), devices=()) as queue:
        old, new = queue.submit(quick()), queue.submit(quick(seed=8))
        queue.cancel(old.id)
        queue.cancel(new.id)
        database = queue._store()._database  # pyright: ignore[reportPrivateUsage]
        database.transaction(
            lambda rows: rows.execute("UPDATE jobs SET ended_at = ended_at - 90000 WHERE id = ?", (old.id,))
        )

        queue._delete_old()  # pyright: ignore[reportPrivateUsage]

        assert [job.id for job in queue.jobs()] == [new.id]


def test_a_disk_without_room_is_not_healthy(settings: Settings, tmp_path: Path) -> None:
    with LocalJobRunner(settings, limits=RunnerLimits(free_bytes=2**62), devices=()) as queue:
        assert not queue.health().disk_ok
    with LocalJobRunner(replace(settings, home=tmp_path / "other"), devices=()) as queue:
        assert queue.health().disk_ok
        assert queue.health().disk_free > 0


def test_following_a_job_ends_cleanly_when_it_is_deleted(queue: LocalJobRunner) -> None:
    job = queue.submit(quick())
    stream = queue.events(job.id, timeout=0)
    assert next(stream) is None

    queue.cancel(job.id)
    queue.delete(job.id)

    assert list(stream) == []


def test_a_repeated_call_gets_the_unfinished_job_of_the_first(settings: Settings) -> None:
    with LocalJobRunner(settings, devices=()) as queue:
        first = queue.submit(quick(), owner="anna")
        assert queue.submit(quick(), owner="anna", retry_seconds=60).id == first.id
        others = [
            queue.submit(quick(), owner="anna"),
            queue.submit(quick(), owner="berta", retry_seconds=60),
            queue.submit(quick(seed=8), owner="anna", retry_seconds=60),
        ]
        assert len({first.id, *(job.id for job in others)}) == 4
        for job in (first, others[0]):
            queue.cancel(job.id)
        assert queue.submit(quick(), owner="anna", retry_seconds=60).id not in (first.id, others[0].id)


def test_the_id_of_an_idempotency_key_depends_on_the_owner() -> None:
    assert idempotent_id("anna", "k") == idempotent_id("anna", "k")
    assert idempotent_id("anna", "k") != idempotent_id("berta", "k")


def test_the_work_of_one_job_is_limited(settings: Settings) -> None:
    with LocalJobRunner(settings, limits=RunnerLimits(max_cost=64 * 64 * 6), devices=()) as queue:
        queue.submit(quick())
        with pytest.raises(InvalidRequest, match=r"2\.0 times"):
            queue.submit(quick(n_batches=2))
