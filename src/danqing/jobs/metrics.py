"""Prometheus metrics of a job runner. All labels have a bounded set of values."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from danqing.jobs.job import Reason, State
from danqing.jobs.status import Health

Rejection = Literal["queue_full", "owner_limit", "stopping"]
"""Why a job was not accepted."""

_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)


class RunnerMetrics:
    """Counters and histograms since the start, and gauges of the current state. Thread-safe.

    Attributes:
        registry: all metrics of the runner.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._ended = Counter("danqing_jobs_ended", "Jobs that ended", ("state",), registry=registry)
        self._failed = Counter("danqing_jobs_failed", "Failed jobs by reason", ("reason",), registry=registry)
        self._rejected = Counter("danqing_jobs_rejected", "Jobs that were not accepted", ("reason",), registry=registry)
        self._steps = Counter("danqing_steps", "Completed steps", registry=registry)
        self._step_seconds = Counter("danqing_step_seconds", "Total duration of the steps", registry=registry)
        self._restarts = Counter("danqing_worker_restarts", "Workers that were replaced", registry=registry)
        self._queue_seconds = Histogram(
            "danqing_queue_seconds", "Seconds between queueing and start", buckets=_BUCKETS, registry=registry
        )
        self._painting_seconds = Histogram(
            "danqing_painting_seconds", "Seconds between start and end", buckets=_BUCKETS, registry=registry
        )
        self._ready = Gauge("danqing_ready", "1 if new jobs can be painted now", registry=registry)
        self._queued = Gauge("danqing_jobs_queued", "Jobs in the queue", registry=registry)
        self._painting = Gauge("danqing_jobs_painting", "Running jobs", registry=registry)
        self._disk_free = Gauge("danqing_disk_free_bytes", "Free disk space for the results", registry=registry)

    def job_rejected(self, reason: Rejection) -> None:
        """Count a submission that was not accepted."""
        self._rejected.labels(reason).inc()

    def job_started(self, queued_seconds: float) -> None:
        """Record the time that a job was queued."""
        self._queue_seconds.observe(max(queued_seconds, 0.0))

    def step_done(self, seconds: float) -> None:
        """Count a completed step."""
        self._steps.inc()
        self._step_seconds.inc(max(seconds, 0.0))

    def job_ended(self, state: State, *, reason: Reason | None = None, painting_seconds: float | None = None) -> None:
        """Count an ended job; `painting_seconds` is None for a job that never started."""
        self._ended.labels(state).inc()
        if reason is not None:
            self._failed.labels(reason).inc()
        if painting_seconds is not None:
            self._painting_seconds.observe(painting_seconds)

    def worker_replaced(self) -> None:
        """Count a worker that was replaced."""
        self._restarts.inc()

    def update(self, health: Health) -> CollectorRegistry:
        """Set the gauges and return the registry."""
        self._ready.set(health.ready)
        self._queued.set(health.queued)
        self._painting.set(health.painting)
        self._disk_free.set(health.disk_free)
        return self.registry
