"""Reading the metrics of a runner."""

from danqing.jobs import JobRunner


def metric(runner: JobRunner, name: str, label: str = "") -> float:
    """Return the value of a metric, or of one of its labels; 0 if it was never set."""
    for family in runner.metrics().collect():
        for sample in family.samples:
            if sample.name == f"danqing_{name}" and (not label or label in sample.labels.values()):
                return sample.value
    return 0.0
