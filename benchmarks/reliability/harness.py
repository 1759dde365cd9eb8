"""Where the trials take place: a home with the tiny made-up model, its requests, and a server process that can be killed."""

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
from danqing.jobs import Job, Numbered
from danqing.jobs.local_runner import LocalRuntime
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
    """A picture by the tiny model."""
    return read_request({**TINY, "steps": steps, **changes})


@contextmanager
def workshop() -> Generator[Settings]:
    """A home of its own for one trial."""
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = Path(folder)
        write_tiny_model(home / "models" / ORIGINAL)
        yield replace(read_settings(), home=home, device="cpu")


class Server:
    """`danqing serve` as a process of its own, killed rather than asked."""

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
    """What the pictures of a job are known by."""
    return tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in job.pictures)


def steps_painted(runtime: LocalRuntime, job: Job) -> int:
    """Steps in the log of a job so far, those that were painted again included."""
    return sum(isinstance(n.event, Stepped) for n in logged(runtime, job))


def logged(runtime: LocalRuntime, job: Job) -> list[Numbered]:
    """The events of a job so far."""
    return [n for n in takewhile(lambda n: n is not None, runtime.events(job.id, timeout=0)) if n is not None]


def until(condition: Callable[[], bool], *, seconds: float = 1200.0, pause: float = 0.002) -> float:
    """Wait for something; returns how long it took.

    Raises:
        TimeoutError: it did not happen.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError
        time.sleep(pause)
    return time.monotonic() - began


def ready(runtime: LocalRuntime) -> bool:
    """Whether all workers are up."""
    return runtime.health().ready


def rss(pid: int) -> float:
    """Memory of a process in MiB, as far as it is in RAM."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def leftovers(home: Path) -> list[str]:
    """Files that were begun and neither finished nor removed."""
    return sorted(str(part.relative_to(home)) for part in home.rglob(".*.part"))


def summary(values: list[float]) -> dict[str, float]:
    """Median and worst, in seconds."""
    ordered = sorted(values) or [0.0]
    return {"median": round(ordered[len(ordered) // 2], 3), "worst": round(ordered[-1], 3)}


def report(**figures: object) -> None:
    """The result, as the last line that is printed."""
    print(json.dumps(figures, ensure_ascii=False))
