"""What the supervisors of a runner share."""

from collections.abc import Callable
from dataclasses import dataclass

from danqing.jobs.job import RunnerLimits
from danqing.jobs.job_store import JobStore
from danqing.jobs.memory_estimates import MemoryEstimates
from danqing.jobs.metrics import RunnerMetrics
from danqing.jobs.progress import ProgressTracker
from danqing.jobs.run_store import RunStore
from danqing.jobs.shared_worker import SharedWorker
from danqing.jobs.worker_process import OnMessage, WorkerHandle, WorkerProcess
from danqing.settings import Settings


@dataclass(frozen=True, slots=True)
class SupervisorContext:
    """Shared by the supervisors of a runner."""

    settings: Settings
    limits: RunnerLimits
    store: JobStore
    tracker: ProgressTracker
    metrics: RunnerMetrics
    memory: MemoryEstimates
    may_start_jobs: Callable[[], bool]
    """False while the disk is full or the queue is paused."""
    preload: str
    """Model that a worker loads before it is ready."""
    start_process: Callable[[OnMessage], WorkerHandle] = WorkerProcess
    runs: RunStore | None = None
    """Copies of the runs that other services can continue."""
    shared: SharedWorker | None = None
    """The process if several supervisors use it."""
    spare: bool = False
    """True for the supervisors of a shared process after the first."""
