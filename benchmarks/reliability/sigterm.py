"""SIGTERM for the server while painting: it exits in order and in time, and the job continues at the next start.

python -m benchmarks.reliability.sigterm --times 5
"""

import argparse
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.reliability import harness
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import Settings


def main() -> None:
    """Stop the server several times, then let the job finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    random.seed(0)
    steps = 60 * options.times
    with harness.workshop() as settings:
        with LocalJobRunner(settings) as runner:
            expected = harness.sums(runner.wait(runner.submit(harness.request(steps)).id))
            harness.until(lambda: not runner.health().painting)
        with LocalJobRunner(settings, devices=()) as queue:
            job = queue.submit(harness.request(steps))
        trials = [_trial(settings, job.folder, 40 * (n + 1)) for n in range(options.times)]
        with LocalJobRunner(settings) as runner:
            finished = runner.wait(job.id)
            painted = harness.steps_painted(runner, finished)
        seconds, statuses, orphans = zip(*trials, strict=True)
        harness.report(
            times=options.times,
            exit_statuses=sorted(set(statuses)),
            seconds=harness.summary(list(seconds)),
            orphans=sum(orphans),
            leftovers=harness.leftovers(settings.home),
            equal=harness.sums(finished) == expected,
            steps_redone=painted - steps,
        )


def _trial(settings: Settings, folder: Path, lines: int) -> tuple[float, int, int]:
    """Return the seconds until exit, the exit status, and the remaining worker processes."""
    server = harness.Server(settings)
    log = folder / "events.jsonl"
    harness.until(lambda: log.exists() and log.read_bytes().count(b"\n") >= lines)
    workers = _children(server.process.pid)
    time.sleep(random.uniform(0, 0.1))
    began = time.monotonic()
    status = server.end(signal.SIGTERM)
    seconds = time.monotonic() - began
    print(f"ended with {status} after {seconds:.2f} s")
    return seconds, status, sum(_alive(worker) for worker in workers)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


if __name__ == "__main__":
    main()
