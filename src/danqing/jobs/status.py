"""Health of a job runner and its workers."""

from dataclasses import dataclass

from danqing.i18n import Text


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One worker process."""

    device: str
    pid: int | None
    ready: bool
    """Has loaded a model, and sent a message within the last seconds."""
    job: str | None
    """ID of its current job."""
    restarts: int
    """Number of restarts."""
    problem: Text | None = None
    """Why it cannot paint, for example a device that does not exist; None while it starts or is ready."""


@dataclass(frozen=True, slots=True)
class Health:
    """Data of a readiness probe."""

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
        """True if new jobs can be painted now: one worker is enough."""
        return any(worker.ready for worker in self.workers) and self.disk_ok and not self.stopping

    @property
    def problems(self) -> tuple[Text, ...]:
        """Why the workers cannot paint."""
        return tuple(dict.fromkeys(worker.problem for worker in self.workers if worker.problem is not None))
