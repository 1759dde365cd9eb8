"""Prometheus metrics of a runner."""

from prometheus_client import CollectorRegistry

from danqing.jobs.metrics import RunnerMetrics
from danqing.jobs.status import Health, WorkerHealth

HEALTH = Health(
    (WorkerHealth("cpu", 1, ready=True, job="a", restarts=2),),
    queued=4,
    painting=1,
    disk_free=7,
    disk_ok=True,
    stopping=False,
)


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def test_events_are_counted_by_bounded_labels() -> None:
    metrics = RunnerMetrics()
    metrics.job_started(0.05)
    metrics.job_started(7.0)
    metrics.job_started(99999.0)
    metrics.step_done(0.5)
    metrics.step_done(0.25)
    metrics.job_rejected("queue_full")
    metrics.job_ended("finished", painting_seconds=3.0)
    metrics.job_ended("failed", reason="storage", painting_seconds=1.0)
    metrics.job_ended("cancelled")
    metrics.worker_replaced()

    values = samples(metrics.update(HEALTH))

    assert values["danqing_ready",] == 1
    assert (values["danqing_jobs_queued",], values["danqing_jobs_painting",], values["danqing_disk_free_bytes",]) == (
        4,
        1,
        7,
    )
    assert [values["danqing_jobs_ended_total", state] for state in ("finished", "failed", "cancelled")] == [1, 1, 1]
    assert values["danqing_jobs_failed_total", "storage"] == 1
    assert values["danqing_jobs_rejected_total", "queue_full"] == 1
    assert (values["danqing_steps_total",], values["danqing_step_seconds_total",]) == (2, 0.75)
    assert values["danqing_worker_restarts_total",] == 1
    assert (values["danqing_queue_seconds_bucket", "10.0"], values["danqing_queue_seconds_bucket", "+Inf"]) == (2, 3)
    assert values["danqing_queue_seconds_sum",] == 0.05 + 7.0 + 99999.0
    assert (values["danqing_painting_seconds_count",], values["danqing_painting_seconds_sum",]) == (2, 4.0)
