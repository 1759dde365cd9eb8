"""What `/metrics` shows: the runtime's own figures, read when they are asked for, and counts of HTTP requests."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from danqing.jobs import Runtime, Spread

_Key = TypeVar("_Key", bound=str)
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0)


class Meters:
    """Counts requests; shows all figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "danqing_http_requests", "HTTP requests", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "danqing_http_seconds", "Seconds to answer", ("route",), buckets=_SECONDS, registry=self._registry
        )

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request; `route` is its pattern, never the path, so that the number of series is bounded."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def show(self, runtime: Runtime) -> bytes:
        """Everything in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(_Figures(runtime))
        return generate_latest(registry) + generate_latest(self._registry)


class _Figures(Collector):
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        figures, health = self._runtime.figures(), self._runtime.health()
        yield _gauge("danqing_ready", "Whether work that comes in now gets painted", float(health.ready))
        yield _gauge("danqing_jobs_pending", "Jobs that wait", health.queued)
        yield _gauge("danqing_jobs_painting", "Jobs that are being painted", health.painting)
        yield _gauge("danqing_disk_free_bytes", "Free space where pictures are kept", health.disk_free)
        yield _gauge("danqing_steps_per_second", "Speed over the last steps", figures.steps_per_second)
        yield _counter("danqing_jobs_ended", "Jobs that have ended", "state", figures.ended)
        yield _counter("danqing_jobs_failed", "Failed jobs by reason", "reason", figures.failures)
        yield _counter("danqing_jobs_refused", "Jobs that were not taken", "reason", figures.refused)
        yield CounterMetricFamily("danqing_steps", "Steps painted", value=figures.steps)
        yield CounterMetricFamily("danqing_step_seconds", "Seconds spent in steps", value=figures.step_seconds)
        yield CounterMetricFamily("danqing_worker_restarts", "Workers that were replaced", value=figures.restarts)
        yield _histogram("danqing_queue_seconds", "Seconds from being queued to being painted", figures.waiting)
        yield _histogram("danqing_painting_seconds", "Seconds from then to the end", figures.painting)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _counter(name: str, help: str, label: str, values: Mapping[_Key, int]) -> Metric:
    family = CounterMetricFamily(name, help, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _histogram(name: str, help: str, spread: Spread) -> Metric:
    buckets: list[tuple[str, float]] = []
    sofar = 0
    for bound, count in zip((*map(str, spread.bounds), "+Inf"), spread.counts, strict=True):
        sofar += count
        buckets.append((bound, sofar))
    family = HistogramMetricFamily(name, help)
    family.add_metric((), buckets, sum_value=spread.total)
    return family
