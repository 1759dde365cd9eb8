"""In-memory progress of running jobs, and notification of subscribers."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_DECAY = 0.1
"""Weight of the newest step in the running mean of the step duration."""

BatchCosts = tuple[tuple[float, ...], ...]
"""Costs of the steps of each batch of a job."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job: `step` of `steps` steps of batch number `batch` are completed."""

    batch: int = 0
    step: int = 0
    steps: int = 0


class ProgressTracker:
    """Progress of all running jobs; shared by the threads of a runner."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._versions: dict[str, int] = {}
        self._missed = 0
        self._progress: dict[str, Progress] = {}
        self._costs: dict[str, BatchCosts] = {}
        self._subscribers: list[Callable[[str], None]] = []
        self._seconds_per_unit: float | None = None
        self._closed = False

    @property
    def seconds_per_unit(self) -> float | None:
        """Seconds per unit of cost (pixels times guided steps), a running mean; None before the first step."""
        return self._seconds_per_unit

    def progress(self, id: str) -> Progress:
        """Return the progress of a running job."""
        return self._progress.get(id, Progress())

    def set(self, id: str, progress: Progress) -> None:
        """Set the progress of a job that has just started."""
        self._progress[id] = progress

    def costs(self, id: str) -> BatchCosts | None:
        """Return the costs of a running job; None if they are unknown, for example because another service runs it."""
        return self._costs.get(id)

    def set_costs(self, id: str, costs: BatchCosts) -> None:
        """Keep the costs of a running job, which take longer to compute than to look up."""
        self._costs[id] = costs

    def advance(self, id: str, progress: Progress, *, seconds_per_unit: float | None) -> None:
        """Record a completed step.

        Args:
            id: ID of the job.
            progress: its progress after the step.
            seconds_per_unit: duration of the step divided by its cost; None if unknown.
        """
        self._progress[id] = progress
        if seconds_per_unit is not None:
            mean = self._seconds_per_unit
            self._seconds_per_unit = seconds_per_unit if mean is None else mean + _DECAY * (seconds_per_unit - mean)
        self.notify(id)

    def clear(self, id: str) -> None:
        """Remove the progress of a job that no longer runs."""
        self._progress.pop(id, None)
        self._costs.pop(id, None)

    def notify(self, id: str) -> None:
        """Notify subscribers that a job changed."""
        with self._changed:
            self._versions[id] = self._versions.get(id, 0) + 1
            self._changed.notify_all()
            subscribers = tuple(self._subscribers)
        for subscriber in subscribers:
            subscriber(id)

    def notify_all(self) -> None:
        """Report that any job may have changed, and notify subscribers of every known job."""
        with self._changed:
            self._missed += 1
            self._changed.notify_all()
        for id in tuple(self._versions):
            self.notify(id)

    def version(self, id: str) -> int:
        """Return a number that increases with every change of a job."""
        return self._versions.get(id, 0) + self._missed

    def wait(self, id: str, version: int, timeout: float | None) -> bool:
        """Wait until the version of a job differs from `version`; True if it does, or if the tracker was closed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self.version(id) != version, timeout)

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._closed

    def close(self) -> None:
        """Wake all waiting threads; later calls of `wait` return at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def delete(self, id: str) -> None:
        """Notify subscribers that a job was deleted, and remove its version."""
        self.notify(id)
        self._versions.pop(id, None)

    def subscribe(self, subscriber: Callable[[str], None]) -> Callable[[], None]:
        """Call `subscriber` whenever a job changes. Return a function that unsubscribes it."""
        with self._changed:
            self._subscribers.append(subscriber)

        def end() -> None:
            with self._changed, suppress(ValueError):
                self._subscribers.remove(subscriber)

        return end
