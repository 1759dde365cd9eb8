"""Counting."""

from danqing.jobs.metrics import Tally
from danqing.jobs.status import WorkerHealth

WORKER = WorkerHealth("cpu", 1, ready=True, job="a", restarts=2)


def test_what_is_counted() -> None:
    tally = Tally()
    tally.take(0.05)
    tally.take(7.0)
    tally.take(99999.0)
    tally.step(0.5)
    tally.step(0.25)
    tally.refuse("queue")
    tally.end("finished", painted=3.0)
    tally.end("failed", reason="storage", painted=1.0)
    tally.end("cancelled")

    figures = tally.figures({"queued": 4}, (WORKER,))

    assert figures.jobs == {"queued": 4}
    assert figures.ended == {"finished": 1, "failed": 1, "cancelled": 1}
    assert figures.failures == {"storage": 1}
    assert figures.refused == {"queue": 1}
    assert (figures.steps, figures.step_seconds, figures.restarts) == (2, 0.75, 2)
    assert sum(figures.waiting.counts) == 3
    assert figures.waiting.counts[0] == figures.waiting.counts[-1] == 1
    assert figures.waiting.counts[figures.waiting.bounds.index(10.0)] == 1
    assert figures.waiting.total == 0.05 + 7.0 + 99999.0
    assert (sum(figures.painting.counts), figures.painting.total) == (2, 4.0)
    assert len(figures.waiting.counts) == len(figures.waiting.bounds) + 1


def test_speed_is_that_of_running_jobs() -> None:
    tally = Tally()
    for _ in range(3):
        tally.step(0.5)

    assert tally.figures({}, (WORKER,)).steps_per_second > 0
    assert tally.figures({}, (WorkerHealth("cpu", 1, ready=True, job=None, restarts=0),)).steps_per_second == 0
