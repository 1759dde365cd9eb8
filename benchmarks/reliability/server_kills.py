"""SIGKILL for the whole server at random moments of many jobs: no job is lost and none is painted twice.

python -m benchmarks.reliability.server_kills --jobs 200 --kills 10
"""

import argparse
import random
import signal
import time
from collections import Counter

from benchmarks.reliability import harness
from danqing.events import Completed
from danqing.jobs import Job, RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import Settings


def main() -> None:
    """Queue the jobs, kill the server repeatedly, and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    random.seed(0)
    with harness.workshop() as settings:
        limits = RunnerLimits(queue=options.jobs)
        with LocalJobRunner(settings, limits=limits, devices=()) as queue:
            jobs = [queue.submit(harness.request(options.steps, seed=seed)) for seed in range(options.jobs)]
        moments = sorted(random.sample(range(1, options.jobs - 1), options.kills))
        starts = [_kill_after(settings, jobs, done) for done in moments]
        with LocalJobRunner(settings, limits=limits) as runner:
            ended = [runner.wait(job.id, 300) for job in jobs]
            states = Counter(job.state for job in ended)
            painted = sum(harness.steps_painted(runner, job) for job in ended)
            again = [_pictures_finished_again(runner, job) for job in ended]
            pictures = Counter(len(job.pictures) for job in ended)
            different = len({harness.sums(job) for job in ended})
        harness.report(
            jobs=options.jobs,
            kills=options.kills,
            states=dict(states),
            lost=options.jobs - states["finished"],
            pictures_per_job=dict(pictures),
            different_pictures=different,
            last_step_painted_again=sum(again),
            steps_redone=painted - options.jobs * options.steps,
            queue_back_s=harness.summary(starts),
            leftovers=harness.leftovers(settings.home),
        )


def _kill_after(settings: Settings, jobs: list[Job], done: int) -> float:
    """Run a server until a number of jobs is finished, kill it shortly after, and return its start-up seconds."""
    server = harness.Server(settings)
    harness.until(lambda: _done(jobs) >= done, pause=0.02)
    time.sleep(random.uniform(0, 0.3))
    server.end(signal.SIGKILL)
    print(f"killed after {_done(jobs)} jobs")
    return server.seconds_to_start


def _done(jobs: list[Job]) -> int:
    return sum((job.folder / "result.json").exists() for job in jobs)


def _pictures_finished_again(runner: LocalJobRunner, job: Job) -> int:
    done = sum(isinstance(n.event, Completed) for n in harness.logged(runner, job))
    return done - len(job.pictures)


if __name__ == "__main__":
    main()
