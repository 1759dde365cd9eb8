"""Limits on the time without messages or progress follow the expected duration of a step."""

import pytest

from danqing.jobs import watchdog
from danqing.jobs.watchdog import Watchdog


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watchdog, "time", clock)
    return clock


def test_a_silent_worker_is_soon_not_ready_and_then_replaced(clock: Clock) -> None:
    dog = Watchdog(300.0)
    dog.progress(expected_step_seconds=0.5)
    clock.now += 10
    assert (dog.is_responsive(), dog.timeout_reason()) == (True, None)
    clock.now += 10
    assert (dog.is_responsive(), dog.timeout_reason()) == (False, None)
    clock.now += 15
    assert dog.timeout_reason() == "no message for 35 s"


def test_a_ready_worker_that_is_silent_before_its_first_step_is_replaced_after_a_minute(clock: Clock) -> None:
    dog = Watchdog(300.0)
    dog.reset(ready=True)
    dog.job_started(None)
    clock.now += 60
    assert (dog.is_responsive(), dog.timeout_reason()) == (False, None)
    clock.now += 1
    assert dog.timeout_reason() == "no message for 61 s"


@pytest.mark.parametrize(("step", "seconds"), [(0.5, 300), (20.0, 1000), (None, 1800)])
def test_a_worker_that_hangs_before_its_first_step_is_replaced_despite_heartbeats(
    clock: Clock, step: float | None, seconds: float
) -> None:
    dog = Watchdog(300.0)
    dog.reset(ready=True)
    dog.job_started(step)
    clock.now += seconds
    dog.message()
    assert dog.timeout_reason() is None
    clock.now += 1
    dog.message()
    assert (dog.timeout_reason() or "").startswith("no progress")


@pytest.mark.parametrize(("step", "timeout"), [(None, 300), (0.5, 30), (8.0, 80), (600.0, 300)])
def test_the_limit_follows_the_step(clock: Clock, step: float | None, timeout: float) -> None:
    dog = Watchdog(300.0)
    dog.progress(expected_step_seconds=step)
    clock.now += timeout
    assert dog.timeout_reason() is None
    clock.now += 1
    assert dog.timeout_reason() is not None


def test_a_worker_that_sends_heartbeats_without_progress_is_replaced(clock: Clock) -> None:
    dog = Watchdog(300.0)
    dog.progress(expected_step_seconds=20.0)
    for _ in range(501):
        clock.now += 2
        dog.message()
    assert not dog.is_responsive()
    assert (dog.timeout_reason() or "").startswith("no progress")


def test_a_long_start_without_a_known_step_is_not_a_stall(clock: Clock) -> None:
    dog = Watchdog(300.0)
    for _ in range(2000):
        clock.now += 2
        dog.message()
    assert (dog.is_responsive(), dog.timeout_reason()) == (True, None)
