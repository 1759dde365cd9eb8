"""Messages to a worker supervisor from other threads, and the state of its current job."""

from dataclasses import dataclass

from danqing.jobs.job import Job
from danqing.jobs.worker_process import ProcessExited, WorkerHandle
from danqing.jobs.worker_protocol import WorkerMessage


@dataclass(frozen=True, slots=True)
class Received:
    """A message of a worker process, or its end."""

    process: WorkerHandle
    message: WorkerMessage | ProcessExited


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The order to return a job to the queue."""

    job: str


@dataclass(slots=True)
class Assignment:
    """The current job and what is known about its progress."""

    job: Job
    costs: tuple[tuple[float, ...], ...]
    """Of the steps of each batch."""
    started: float
    sent: bool = False
    crashes: int = 0
    """Crashes in a row without progress."""
    furthest: tuple[int, int] = (-1, -1)
    interrupted: bool = False
    """True if the job must return to the queue although the worker can go on."""
