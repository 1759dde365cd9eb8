"""Latency of cancelling, half of the jobs while queued and half while painting, at random moments.

python -m benchmarks.reliability.cancels --jobs 100
"""

import argparse
import random
import time

from benchmarks.reliability import harness
from danqing.jobs import RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    random.seed(0)
    with harness.workshop() as settings, LocalJobRunner(settings, limits=RunnerLimits(queue=options.jobs)) as runner:
        harness.until(lambda: harness.ready(runner))
        runs = [_cancel_running(runner, options.steps) for _ in range(options.jobs // 2)]
        blocker = runner.submit(harness.request(1000))
        waits = _cancel_waiting(runner, options.jobs // 2)
        runner.cancel(blocker.id)
        harness.report(
            queued_s=harness.summary(waits),
            running_s=harness.summary([seconds for seconds, _ in runs]),
            running_beyond_one_step_s=harness.summary([seconds - step for seconds, step in runs]),
            mean_step_s=round(harness.metric(runner, "step_seconds") / harness.metric(runner, "steps"), 4),
            restarts=harness.metric(runner, "worker_restarts"),
        )


def _cancel_running(runner: LocalJobRunner, steps: int) -> tuple[float, float]:
    """Return the seconds until a running job has ended, and the duration of its last step."""
    job = runner.submit(harness.request(steps))
    goal = random.randrange(steps // 3)
    harness.until(lambda: (now := runner.get(job.id)).state == "painting" and now.step >= goal, pause=0.005)
    steps_before, seconds_before = (harness.metric(runner, name) for name in ("steps", "step_seconds"))
    began = time.monotonic()
    runner.cancel(job.id)
    ended = runner.wait(job.id)
    seconds = time.monotonic() - began
    assert ended.state == "cancelled", ended.state
    assert runner.cancel(job.id) == ended, "a second cancel changes nothing"
    last = (harness.metric(runner, "step_seconds") - seconds_before) / max(
        harness.metric(runner, "steps") - steps_before, 1
    )
    return seconds, last


def _cancel_waiting(runner: LocalJobRunner, count: int) -> list[float]:
    jobs = [runner.submit(harness.request(6)) for _ in range(count)]
    random.shuffle(jobs)
    seconds: list[float] = []
    for job in jobs:
        began = time.monotonic()
        assert runner.cancel(job.id).state == "cancelled"
        seconds.append(time.monotonic() - began)
    return seconds


if __name__ == "__main__":
    main()
