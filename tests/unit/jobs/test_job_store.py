"""The order of the queue, and how jobs leave it."""

from pathlib import Path

import pytest

from danqing.errors import JobNotFound
from danqing.jobs import Failure, Limits
from danqing.jobs.database import Book
from danqing.jobs.job_store import Asked, Ledger, sum_of
from danqing.jobs.progress import Progress
from danqing.request import read_request
from tests.unit.jobs.requests import quick

WHOLE = read_request(quick().model_dump(mode="json"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A book with three jobs."""
    ledger = Ledger(Book(tmp_path), tmp_path / "jobs")
    for id in "abc":
        assert ledger.add(id, WHOLE, asked=Asked("sum", ""), work=1, limits=Limits()) == "taken"
    return ledger


def claim(ledger: Ledger) -> str | None:
    claimed = ledger.claim()
    return claimed.job.id if claimed else None


def test_first_come_first_served_and_each_once(ledger: Ledger) -> None:
    assert ledger.add("a", WHOLE, asked=Asked("sum", ""), work=1, limits=Limits()) == "known"
    assert [claim(ledger) for _ in range(4)] == ["a", "b", "c", None]
    assert ledger.counts() == {"queued": 0, "painting": 3, "finished": 0, "failed": 0, "cancelled": 0}
    assert ledger.get("a").request == WHOLE
    assert ledger.get("a").started is not None


def test_an_interrupted_job_keeps_its_place(ledger: Ledger) -> None:
    claim(ledger)
    ledger.give_back("a", Progress(0, 3, 6))

    waiting = ledger.get("a")
    assert (waiting.state, waiting.position, waiting.step, waiting.steps) == ("queued", 0, 3, 6)
    assert claim(ledger) == "a"
    assert ledger.get("a").started == waiting.started, "painting first began then"


def test_a_job_that_was_to_end_does_not_come_back(ledger: Ledger) -> None:
    claim(ledger)
    claim(ledger)
    assert not ledger.cancel("a")
    assert ledger.get("a").cancelling
    assert ledger.cancel("c")

    ledger.recover()

    assert [ledger.state(id) for id in "abc"] == ["cancelled", "queued", "cancelled"]
    assert not ledger.get("a").cancelling


def test_how_a_job_ended_is_kept_until_it_is_resumed(ledger: Ledger) -> None:
    claim(ledger)
    failure = Failure("nan", "画", "p")
    ledger.end("a", "failed", at=Progress(0, 2, 6), failure=failure)
    assert (ledger.get("a").failure, ledger.get("a").step) == (failure, 2)

    assert ledger.resume("a", limits=Limits(queue=2)) == "queue"
    assert ledger.state("a") == "failed"
    assert ledger.resume("a", limits=Limits()) == "taken"

    again = ledger.get("a")
    assert (again.state, again.failure, again.ended, again.position) == ("queued", None, None, 2)


def test_only_a_painting_job_ends(ledger: Ledger) -> None:
    ledger.end("a", "finished", at=Progress())
    assert ledger.state("a") == "queued"


def test_what_is_not_there(ledger: Ledger) -> None:
    ledger.forget("a")
    for ask in (ledger.get, ledger.state):
        with pytest.raises(JobNotFound):
            ask("a")
    assert ledger.asked("a") is None
    assert ledger.ids() == ("b", "c")


def test_the_sum_of_a_request_is_that_of_its_words() -> None:
    assert sum_of(quick()) == sum_of(quick())
    assert sum_of(quick(seed=None)) != sum_of(quick())
