"""Starts workers beyond the minimum while jobs wait, and stops them when there are none."""

import threading
import time
from collections.abc import Callable

START_AFTER = 3.0
"""Seconds that jobs wait before another worker is started: a running one may be about to take them."""
IDLE_SECONDS = 60.0
"""Seconds without a job after which a worker is stopped."""


class Demand:
    """Decides about the workers beyond the minimum; shared by their supervisors.

    Args:
        queued: returns the number of queued jobs.
    """

    def __init__(self, queued: Callable[[], int]) -> None:
        self._queued = queued
        self._lock = threading.Lock()
        self._starting: set[object] = set()
        self._idle_since: dict[object, float] = {}
        self._waiting_since: float | None = None

    def may_start(self, worker: object) -> bool:
        """Return True if a worker is needed; it then counts as starting until `set_idle`."""
        with self._lock:
            if self._queued() <= len(self._starting):
                self._waiting_since = None
                return False
            now = time.monotonic()
            self._waiting_since = self._waiting_since or now
            if now - self._waiting_since < START_AFTER:
                return False
            self._starting.add(worker)
            return True

    def set_idle(self, worker: object) -> None:
        """Record that a worker is ready, has ended a job, or has exited."""
        with self._lock:
            self._starting.discard(worker)
            self._idle_since[worker] = time.monotonic()

    def may_stop(self, worker: object) -> bool:
        """Return True if a worker without a job has had none for a while."""
        return time.monotonic() - self._idle_since.get(worker, time.monotonic()) > IDLE_SECONDS
