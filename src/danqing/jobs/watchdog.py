"""Detects a worker that hangs."""

import time

RESPONSIVE_SECONDS = 15.0
"""A worker without a message for this long is not ready; heartbeats arrive every 2 seconds."""
_READY_TIMEOUT = 60.0
"""Seconds without a message of a worker that was ready, before the duration of a step is known."""
_FIRST_STEP_TIMEOUT = 1800.0
"""Seconds until the first step if its duration is unknown: the job may need a model that is loaded from a slow disk."""
_MIN_TIMEOUT = 30.0
_STEPS_PER_TIMEOUT = 10.0
_MIN_STALL_SECONDS = 300.0
_STEPS_PER_STALL = 50.0


class Watchdog:
    """Two limits: on the time without any message, and on the time without progress, both in terms of the expected step.

    A process that is stopped or starved of memory sends no message. A process that hangs, for example in a GPU driver, still sends
    heartbeats, but completes no step.

    Args:
        timeout: maximum seconds without a message of a process that starts; importing the libraries sends none.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._ready = False
        self._has_job = False
        self._step_seconds: float | None = None
        self._last_message = self._last_progress = time.monotonic()

    def reset(self, *, ready: bool = False) -> None:
        """Start again, for a new process, or for one that is ready and has no job."""
        self._ready, self._has_job, self._step_seconds = ready, False, None
        self._last_message = self._last_progress = time.monotonic()

    def job_started(self, expected_step_seconds: float | None) -> None:
        """Expect the steps of a job; None if their duration is unknown."""
        self._has_job, self._step_seconds = True, expected_step_seconds
        self._last_progress = time.monotonic()

    def message(self) -> None:
        """Record a message of the worker."""
        self._last_message = time.monotonic()

    def progress(self, *, expected_step_seconds: float | None = None) -> None:
        """Record an event of the job, and the expected duration of its longest step."""
        self._last_progress = time.monotonic()
        if expected_step_seconds is not None:
            self._step_seconds = expected_step_seconds

    def is_responsive(self) -> bool:
        """Return True if the worker has sent a message recently and completes its steps in about the expected time."""
        now = time.monotonic()
        stalled = now - self._last_progress > self._stall_limit() / 2
        return now - self._last_message <= min(RESPONSIVE_SECONDS, self._message_limit()) and not stalled

    def timeout_reason(self) -> str | None:
        """Return why the worker must be replaced; None if it works."""
        now = time.monotonic()
        if now - self._last_message > self._message_limit():
            return f"no message for {now - self._last_message:.0f} s"
        if now - self._last_progress > self._stall_limit():
            step = "unknown" if self._step_seconds is None else f"about {self._step_seconds:.1f} s"
            return f"no progress for {now - self._last_progress:.0f} s; expected time of a step: {step}"
        return None

    def _message_limit(self) -> float:
        if self._step_seconds is None:
            return min(self._timeout, _READY_TIMEOUT) if self._ready else self._timeout
        return min(self._timeout, max(_MIN_TIMEOUT, _STEPS_PER_TIMEOUT * self._step_seconds))

    def _stall_limit(self) -> float:
        if self._step_seconds is None:
            return _FIRST_STEP_TIMEOUT if self._has_job else float("inf")
        return max(_MIN_STALL_SECONDS, _STEPS_PER_STALL * self._step_seconds)
