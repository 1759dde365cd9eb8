"""Cancelling at random moments, half of the jobs while they wait and half while they are painted.

python -m benchmarks.reliability.cancels --jobs 100
"""

import argparse
import random
import time

from benchmarks.reliability import harness
from danqing.jobs import Limits
from danqing.jobs.local_runner import LocalRuntime


def main() -> None:
    """Cancel and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    random.seed(0)
    with harness.workshop() as settings, LocalRuntime(settings, limits=Limits(queue=options.jobs)) as runtime:
        harness.until(lambda: harness.ready(runtime))
        runs = [_cancel_running(runtime, options.steps) for _ in range(options.jobs // 2)]
        blocker = runtime.submit(harness.request(1000))
        waits = _cancel_waiting(runtime, options.jobs // 2)
        runtime.cancel(blocker.id)
        figures = runtime.figures()
        harness.report(
            queued_s=harness.summary(waits),
            running_s=harness.summary([seconds for seconds, _ in runs]),
            running_beyond_one_step_s=harness.summary([seconds - step for seconds, step in runs]),
            mean_step_s=round(figures.step_seconds / figures.steps, 4),
            restarts=figures.restarts,
        )


def _cancel_running(runtime: LocalRuntime, steps: int) -> tuple[float, float]:
    """Seconds until a running job had ended, and what its last step took."""
    job = runtime.submit(harness.request(steps))
    goal = random.randrange(steps // 3)
    harness.until(lambda: (now := runtime.get(job.id)).state == "painting" and now.step >= goal, pause=0.005)
    before = runtime.figures()
    began = time.monotonic()
    runtime.cancel(job.id)
    ended = runtime.wait(job.id)
    seconds = time.monotonic() - began
    assert ended.state == "cancelled", ended.state
    assert runtime.cancel(job.id) == ended, "a second cancel changes nothing"
    after = runtime.figures()
    last = (after.step_seconds - before.step_seconds) / max(after.steps - before.steps, 1)
    return seconds, last


def _cancel_waiting(runtime: LocalRuntime, count: int) -> list[float]:
    jobs = [runtime.submit(harness.request(6)) for _ in range(count)]
    random.shuffle(jobs)
    seconds: list[float] = []
    for job in jobs:
        began = time.monotonic()
        assert runtime.cancel(job.id).state == "cancelled"
        seconds.append(time.monotonic() - began)
    return seconds


if __name__ == "__main__":
    main()
