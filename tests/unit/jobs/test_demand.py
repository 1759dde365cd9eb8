"""Workers that run on demand."""

import pytest

from danqing.jobs import demand
from danqing.jobs.demand import IDLE_SECONDS, START_AFTER, Demand


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(demand, "time", clock)
    return clock


def test_one_worker_is_started_for_each_job_that_waits(clock: Clock) -> None:
    queued = 1
    needs = Demand(lambda: queued)
    assert not needs.may_start("a"), "a running worker may take the job"
    clock.now += START_AFTER
    assert needs.may_start("a")
    assert not needs.may_start("b"), "one is starting for the only job"
    queued = 2
    assert not needs.may_start("b")
    clock.now += START_AFTER
    assert needs.may_start("b")


def test_a_worker_that_has_started_takes_its_job_itself(clock: Clock) -> None:
    queued = 1
    needs = Demand(lambda: queued)
    needs.may_start("a")
    clock.now += START_AFTER
    assert needs.may_start("a")
    needs.set_idle("a")
    queued = 0
    clock.now += START_AFTER
    assert not needs.may_start("b")


def test_a_worker_stops_after_a_while_without_jobs(clock: Clock) -> None:
    needs = Demand(lambda: 0)
    assert not needs.may_stop("a")
    needs.set_idle("a")
    clock.now += IDLE_SECONDS
    assert not needs.may_stop("a")
    clock.now += 1
    assert needs.may_stop("a")
    needs.set_idle("a")
    assert not needs.may_stop("a")
