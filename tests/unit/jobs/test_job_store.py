"""The stored jobs: their order and their states."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from danqing.errors import JobNotFound
from danqing.i18n import Text
from danqing.jobs import Failure, RunnerLimits
from danqing.jobs.database import JobDatabase
from danqing.jobs.job_filter import JobFilter
from danqing.jobs.job_rows import NewJob, RequestKey, RestoredJob
from danqing.jobs.job_store import JobStore, request_digest
from danqing.jobs.progress import Progress
from danqing.request import read_request
from tests.unit.jobs.requests import quick

pytestmark = pytest.mark.slow

COMPLETE = read_request(quick().model_dump(mode="json"))


@pytest.fixture
def store(database: JobDatabase, tmp_path: Path) -> JobStore:
    """Three queued jobs."""
    store = JobStore(database, tmp_path / "jobs", runner="this")
    for id in "abc":
        add(store, id)
    return store


def add(store: JobStore, id: str, owner: str = "") -> None:
    new = NewJob(id, RequestKey("digest", owner), COMPLETE, 1)
    assert store.add(new, limits=RunnerLimits(per_owner=8)) == "accepted"


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


def test_the_keys_take_turns(store: JobStore) -> None:
    for id in ("anna1", "anna2", "anna3", "anna4"):
        add(store, id, "anna")
    assert [claim(store) for _ in range(4)] == ["a", "anna1", "b", "anna2"]
    for id in ("berta1", "berta2"):
        add(store, id, "berta")

    assert store.get("berta1").position == 0, "berta has waited for her first job, and anna has had two"
    assert store.queued_cost_before("berta2") == 3
    assert store.cost("berta2") == 1
    with pytest.raises(JobNotFound):
        store.cost("nobody")
    assert [claim(store) for _ in range(6)] == ["berta1", "c", "anna3", "berta2", "anna4", None]


def test_keys_that_return_at_once_do_not_starve_the_others(store: JobStore) -> None:
    order: list[str | None] = []
    for number in range(9):
        add(store, f"{number}", f"key{number % 2}")
        order.append(claim(store))
    assert [order.index(id) for id in "abc"] == [0, 3, 6], "one of three keys gets every third turn"


def test_each_job_is_claimed_once_by_many_at_once(store: JobStore, tmp_path: Path, database: JobDatabase) -> None:
    for number in range(20):
        add(store, str(number))
    runners = [JobStore(database, tmp_path, runner=f"runner{n}") for n in range(6)]

    def take(runner: JobStore) -> list[str | None]:
        return [claim(runner) for _ in range(5)]

    with ThreadPoolExecutor(6) as threads:
        claimed = [id for ids in threads.map(take, runners) for id in ids]

    assert sorted(filter(None, claimed)) == sorted([*"abc", *map(str, range(20))])


def test_limits_are_exact_for_many_at_once(store: JobStore) -> None:
    limits = RunnerLimits(queue=10, per_owner=4)

    def submit(number: int) -> str:
        new = NewJob(f"job{number}", RequestKey("digest", f"key{number % 2}"), COMPLETE, 1)
        return store.add(new, limits=limits)

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(submit, range(24)))

    assert results.count("accepted") == 7
    assert {"accepted", "queue_full"} <= set(results)
    assert store.queued_count() == 10


def test_another_runner_changes_no_job_of_this_one(store: JobStore, database: JobDatabase, tmp_path: Path) -> None:
    other = JobStore(database, tmp_path / "jobs", runner="other")
    assert claim(store) == "a"
    other.finish("a", "finished", progress=Progress())
    other.requeue("a", Progress(0, 2, 6))
    assert (store.get("a").state, store.get("a").step) == ("painting", 0)
    assert not other.cancel("a"), "but a client may cancel it anywhere"
    store.requeue("a", Progress())
    assert store.state("a") == "cancelled"


def test_pictures_and_any_text_are_stored(store: JobStore) -> None:
    uri = "data:image/png;base64,iVBORw0KGgo="
    request = COMPLETE.with_changes(init_image=uri, prompts=("雪山？ 100% 'x' \"y\"",))
    assert store.add(NewJob("d", RequestKey("digest", ""), request, 1), limits=RunnerLimits()) == "accepted"
    assert store.get("d").values["init_image"] == uri
    assert store.get("d").request == request
    assert store.list_jobs(None, (), limit=1)[0].init_image is None
    assert [claim(store) for _ in range(4)][-1] == "d"
    text = Text("失败\0？", "100% failed")
    store.finish("d", "failed", progress=Progress(), failure=Failure("error", text))
    failure = store.get("d").failure
    assert failure is not None
    assert failure.text.en == text.en


def test_restoring_changes_no_queued_job(store: JobStore) -> None:
    missing = RestoredJob("z", "finished", RequestKey("d", "anna"), {"model": "m"}, 5, 6)
    queued = RestoredJob("a", "cancelled", RequestKey("d", ""), {}, 5, 6)
    finished = RestoredJob("b", "finished", RequestKey("d", ""), {}, 5, 6)
    for _ in range(2):
        store.restore([missing, queued, finished])
    assert [store.state(id) for id in "zab"] == ["finished", "queued", "finished"]
    assert (store.get("z").owner, store.get("z").ended) == ("anna", 6)
    assert store.ids(ended_before=7) == ("b", "z")


def test_pages_of_a_list(store: JobStore) -> None:
    add(store, "d", "anna")
    assert [job.id for job in store.list_jobs(None, (), limit=2)] == ["d", "c"]
    assert [job.id for job in store.list_jobs(None, ("queued", "painting"), limit=9, before="c")] == ["b", "a"]
    assert [job.id for job in store.list_jobs("anna", (), limit=9)] == ["d"]


def test_a_list_is_filtered(store: JobStore) -> None:
    request = COMPLETE.with_changes(prompts=("Mont_Blanc 100%",), size=(320, 64))
    assert store.add(NewJob("d", RequestKey("digest", ""), request, 1), limits=RunnerLimits()) == "accepted"
    found = {
        "words": JobFilter(words=("mont_", "100%")),
        "shape": JobFilter(shape="scroll"),
        "ids": JobFilter(ids=("d", "z")),
    }
    for name, wanted in found.items():
        assert [job.id for job in store.list_jobs(None, (), limit=9, matching=wanted)] == ["d"], name
    for wanted in (JobFilter(words=("mont!",)), JobFilter(ids=()), JobFilter(created_before=0.0)):
        assert store.list_jobs(None, (), limit=9, matching=wanted) == ()


def test_the_order_of_the_queue_is_changed(store: JobStore) -> None:
    add(store, "anna1", "anna")
    store.move("anna1", 9, owner=None)
    store.move("c", 0, owner="")
    assert [claim(store) for _ in range(4)] == ["c", "a", "b", "anna1"]


def test_the_digest_covers_the_given_fields() -> None:
    assert request_digest(quick()) == request_digest(quick())
    assert request_digest(quick(seed=None)) != request_digest(quick())
