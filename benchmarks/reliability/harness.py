"""Shared by the measurements: a home with the tiny model, requests, and a server process that can be killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from danqing.events import Stepped
from danqing.jobs import Job, NumberedEvent
from danqing.jobs.local_runner import LocalJobRunner
from danqing.request import Request, read_request
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import ORIGINAL
from tests.tiny_model import write_tiny_model

TINY: dict[str, object] = {
    "prompts": "孤舟蓑笠翁",
    "size": (64, 64),
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 2,
    "display_rate": 10,
    "seed": 7,
    "model": ORIGINAL,
}


def request(steps: int = 60, **changes: object) -> Request:
    """Return a request for the tiny model."""
    return read_request({**TINY, "steps": steps, **changes})


@contextmanager
def workshop() -> Generator[Settings]:
    """Create a new home with the tiny model."""
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = Path(folder)
        write_tiny_model(home / "models" / ORIGINAL)
        yield replace(read_settings(), home=home, device="cpu")


class Server:
    """A `danqing serve` process that can be killed."""

    def __init__(self, settings: Settings) -> None:
        command = [sys.executable, "-m", "danqing", "serve", "--port", "0", "--model", ORIGINAL]
        variables = {**os.environ, "DANQING_HOME": str(settings.home), "DANQING_DEVICE": "cpu"}
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=variables)
        assert self.process.stdout is not None
        self.process.stdout.readline()  # its address: it answers
        self.seconds_to_start = time.monotonic() - began

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait; returns the exit status."""
        self.process.send_signal(number)
        return self.process.wait()


def sums(job: Job) -> tuple[str, ...]:
    """Return the digests of a job's pictures."""
    return tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in job.pictures)


def steps_painted(runner: LocalJobRunner, job: Job) -> int:
    """Return the steps in a job's event log, repeated steps included."""
    return sum(isinstance(n.event, Stepped) for n in logged(runner, job))


def logged(runner: LocalJobRunner, job: Job) -> list[NumberedEvent]:
    """Return a job's events so far."""
    return [n for n in takewhile(lambda n: n is not None, runner.events(job.id, timeout=0)) if n is not None]


def until(condition: Callable[[], bool], *, seconds: float = 1200.0, pause: float = 0.002) -> float:
    """Wait for a condition and return the seconds it took.

    Raises:
        TimeoutError: it did not happen.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError
        time.sleep(pause)
    return time.monotonic() - began


def ready(runner: LocalJobRunner) -> bool:
    """Return True if all workers are ready."""
    return runner.health().ready


def rss(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def leftovers(home: Path) -> list[str]:
    """Return temporary files that were left behind."""
    return sorted(str(part.relative_to(home)) for part in home.rglob(".*.part"))


def summary(values: list[float]) -> dict[str, float]:
    """Return median and maximum in seconds."""
    ordered = sorted(values) or [0.0]
    return {"median": round(ordered[len(ordered) // 2], 3), "worst": round(ordered[-1], 3)}


def report(**figures: object) -> None:
    """Print the result as one JSON line."""
    print(json.dumps(figures, ensure_ascii=False))


def metric(runner: LocalJobRunner, name: str) -> float:
    """Return the value of one of the runner's metrics, for instance "steps"."""
    return runner.metrics().get_sample_value(f"danqing_{name}_total") or 0.0
