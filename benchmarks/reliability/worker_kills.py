"""SIGKILL for the worker at random moments of a 60-step job; every picture equals that of an uninterrupted run.

python -m benchmarks.reliability.worker_kills --kills 20
"""

import argparse
import os
import random
import signal
import time

from benchmarks.reliability import harness
from danqing.jobs import Job
from danqing.jobs.local_runner import LocalJobRunner


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    random.seed(0)
    with harness.workshop() as settings, LocalJobRunner(settings) as runner:
        whole = runner.wait(runner.submit(harness.request(options.steps)).id)
        expected = harness.sums(whole)
        trials = [_trial(runner, options.steps) for _ in range(options.kills)]
        jobs, noticed, resumed, redone = zip(*trials, strict=True)
        harness.report(
            kills=options.kills,
            equal=sum(harness.sums(job) == expected for job in jobs),
            noticed_s=harness.summary(list(noticed)),
            goes_on_s=harness.summary([seconds for seconds in resumed if seconds is not None]),
            steps_redone={"median": sorted(redone)[len(redone) // 2], "worst": max(redone)},
            leftovers=harness.leftovers(settings.home),
        )


def _trial(runner: LocalJobRunner, steps: int) -> tuple[Job, float, float | None, int]:
    """Kill the worker once during one job.

    Returns:
        The job, seconds until the exit was noticed, seconds until the job continued, and repeated steps.
    """
    harness.until(lambda: harness.ready(runner))
    job = runner.submit(harness.request(steps))
    moment = random.randrange(steps)
    harness.until(lambda: (now := runner.get(job.id)).is_ended or (now.state == "painting" and now.step >= moment))
    time.sleep(random.uniform(0, 0.02))
    worker = runner.health().workers[0].pid
    assert worker is not None
    before = harness.steps_painted(runner, job)
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    noticed = harness.until(lambda: runner.health().workers[0].pid != worker)
    goes_on: float | None = None
    if not runner.get(job.id).is_ended:
        harness.until(lambda: harness.steps_painted(runner, job) > before or runner.get(job.id).is_ended, pause=0.01)
        goes_on = time.monotonic() - killed
    ended = runner.wait(job.id)
    redone = harness.steps_painted(runner, job) - steps
    print(f"{ended.state} after a kill at step {before}: noticed {noticed:.3f} s, {redone} steps painted again")
    return ended, noticed, goes_on, redone


if __name__ == "__main__":
    main()
