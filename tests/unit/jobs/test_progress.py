"""Notifications and progress."""

import threading

import pytest

from danqing.jobs.progress import Progress, ProgressTracker


def test_a_change_wakes_threads_that_wait_for_the_job() -> None:
    tracker = ProgressTracker()
    version = tracker.version("a")
    threading.Timer(0.01, lambda: (tracker.notify("b"), tracker.notify("a"))).start()

    assert tracker.wait("a", version, None)
    assert tracker.version("a") == version + 1
    assert tracker.wait("a", version, 0), "an earlier change is returned at once"
    assert not tracker.wait("a", version + 1, 0)


def test_waiting_ends_when_the_tracker_is_closed() -> None:
    tracker = ProgressTracker()
    threading.Timer(0.01, tracker.close).start()

    assert tracker.wait("a", tracker.version("a"), None)


def test_subscribers_are_notified_until_they_unsubscribe() -> None:
    tracker = ProgressTracker()
    notified: list[str] = []
    end = tracker.subscribe(notified.append)

    tracker.notify("a")
    tracker.advance("b", Progress(0, 1, 9), seconds_per_unit=2.0)
    end()
    end()
    tracker.notify("c")

    assert notified == ["a", "b"]


def test_progress_and_pace() -> None:
    tracker = ProgressTracker()
    assert (tracker.progress("a"), tracker.seconds_per_unit) == (Progress(), None)

    tracker.advance("a", Progress(0, 1, 9), seconds_per_unit=2.0)
    tracker.advance("a", Progress(0, 2, 9), seconds_per_unit=3.0)

    assert tracker.progress("a") == Progress(0, 2, 9)
    assert tracker.seconds_per_unit == pytest.approx(2.1)
    tracker.set_costs("a", ((1.0, 2.0),))
    assert tracker.costs("a") == ((1.0, 2.0),)
    tracker.clear("a")
    assert (tracker.progress("a"), tracker.costs("a")) == (Progress(), None)
