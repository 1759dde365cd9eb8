"""How a runtime is doing: whether it can take work, and what it has done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from danqing.jobs.job import Reason, State


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One worker process."""

    device: str
    pid: int | None
    ready: bool
    """Started, has its libraries loaded and answers."""
    job: str | None
    """Id of the job that it paints."""
    restarts: int
    """How often it had to be replaced."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a readiness probe asks for."""

    workers: tuple[WorkerHealth, ...]
    queued: int
    painting: int
    disk_free: int
    """Bytes."""
    disk_ok: bool
    """Writable, with enough free space."""
    stopping: bool

    @property
    def ready(self) -> bool:
        """Whether work that comes in now gets painted."""
        return all(worker.ready for worker in self.workers) and self.disk_ok and not self.stopping


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds of many jobs: how many took at most so long, for a Prometheus histogram."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    """Of values up to each bound and above the one before; the last entry counts what is above all bounds."""
    total: float
    """Sum of all values."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What has happened since the runtime started; gauges and counters for `/metrics`."""

    jobs: Mapping[State, int]
    """Jobs that are in each state now."""
    ended: Mapping[State, int]
    """Counter: jobs that have ended since the start, by how."""
    failures: Mapping[Reason, int]
    """Counter: failed jobs since the start, by reason."""
    refused: Mapping[str, int]
    """Counter: submissions refused since the start: queue, owner or stopping."""
    waiting: Spread
    """Seconds from being queued to being taken by a worker."""
    painting: Spread
    """Seconds from then to the end."""
    steps: int
    """Counter: steps painted."""
    step_seconds: float
    """Counter: seconds spent in them."""
    steps_per_second: float
    """Gauge: over the last steps; 0 while nothing is painted."""
    restarts: int
    """Counter: workers that had to be replaced."""
    workers: tuple[WorkerHealth, ...] = field(default=())
