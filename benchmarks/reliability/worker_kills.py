"""SIGKILL for the worker at random moments of a 60-step job; every picture must be that of the unbroken run.

python -m benchmarks.reliability.worker_kills --kills 20
"""

import argparse
import os
import random
import signal
import time

from benchmarks.reliability import harness
from danqing.jobs import Job
from danqing.jobs.local_runner import LocalRuntime


def main() -> None:
    """Paint, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    random.seed(0)
    with harness.workshop() as settings, LocalRuntime(settings) as runtime:
        whole = runtime.wait(runtime.submit(harness.request(options.steps)).id)
        expected = harness.sums(whole)
        trials = [_trial(runtime, options.steps) for _ in range(options.kills)]
        jobs, noticed, resumed, redone = zip(*trials, strict=True)
        harness.report(
            kills=options.kills,
            equal=sum(harness.sums(job) == expected for job in jobs),
            noticed_s=harness.summary(list(noticed)),
            goes_on_s=harness.summary([seconds for seconds in resumed if seconds is not None]),
            steps_redone={"median": sorted(redone)[len(redone) // 2], "worst": max(redone)},
            leftovers=harness.leftovers(settings.home),
        )


def _trial(runtime: LocalRuntime, steps: int) -> tuple[Job, float, float | None, int]:
    """One job and one kill: the job, seconds until the death was noticed and until it went on, and steps painted again."""
    harness.until(lambda: harness.ready(runtime))
    job = runtime.submit(harness.request(steps))
    moment = random.randrange(steps)
    harness.until(lambda: (now := runtime.get(job.id)).over or (now.state == "painting" and now.step >= moment))
    time.sleep(random.uniform(0, 0.02))
    worker = runtime.health().workers[0].pid
    assert worker is not None
    before = harness.steps_painted(runtime, job)
    os.kill(worker, signal.SIGKILL)
    killed = time.monotonic()
    noticed = harness.until(lambda: runtime.health().workers[0].pid != worker)
    goes_on: float | None = None
    if not runtime.get(job.id).over:
        harness.until(lambda: harness.steps_painted(runtime, job) > before or runtime.get(job.id).over, pause=0.01)
        goes_on = time.monotonic() - killed
    ended = runtime.wait(job.id)
    redone = harness.steps_painted(runtime, job) - steps
    print(f"{ended.state} after a kill at step {before}: noticed {noticed:.3f} s, {redone} steps painted again")
    return ended, noticed, goes_on, redone


if __name__ == "__main__":
    main()
