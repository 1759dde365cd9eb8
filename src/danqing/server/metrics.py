"""HTTP metrics in Prometheus format. Metrics of jobs are those of the runner."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from danqing.jobs import JobRunner

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0)


class Metrics:
    """Counts HTTP requests. The number of label values is bounded: clients cannot add new ones."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "danqing_http_requests", "HTTP requests", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "danqing_http_request_seconds", "Response time", ("route",), buckets=_BUCKETS, registry=self._registry
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Record one response.

        Args:
            method: HTTP method; unknown ones count as OTHER.
            route: pattern of the route, not the path.
            status: HTTP status.
            seconds: response time.
        """
        self._requests.labels(method if method in METHODS else "OTHER", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self, runner: JobRunner) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(runner.metrics()) + generate_latest(self._registry)
