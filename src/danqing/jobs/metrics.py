"""Counting what a runtime does, for its metrics."""

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping
from itertools import islice

from danqing.jobs.job import Reason, State
from danqing.jobs.status import Figures, Spread, WorkerHealth

_BOUNDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_LAST = 50
"""Steps whose mean is the present speed."""


class _Seconds:
    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(_BOUNDS, value)] += 1
        self._total += value

    def spread(self) -> Spread:
        return Spread(_BOUNDS, tuple(self._counts), self._total)


class Tally:
    """Counters since the start, for the threads of a runtime."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: Counter[State] = Counter()
        self._failures: Counter[Reason] = Counter()
        self._refused: Counter[str] = Counter()
        self._waiting = _Seconds()
        self._painting = _Seconds()
        self._steps = 0
        self._step_seconds = 0.0
        self._recent: deque[float] = deque(maxlen=_LAST)

    def refuse(self, why: str) -> None:
        """A submission was refused."""
        with self._lock:
            self._refused[why] += 1

    def take(self, waited: float) -> None:
        """A worker has taken a job that waited so many seconds."""
        with self._lock:
            self._waiting.add(max(waited, 0.0))

    def step(self, seconds: float) -> None:
        """A step was painted."""
        with self._lock:
            self._steps += 1
            self._step_seconds += seconds
            self._recent.append(time.monotonic())

    def end(self, state: State, *, reason: Reason | None = None, painted: float | None = None) -> None:
        """A job has ended, after so many seconds of painting if it got that far."""
        with self._lock:
            self._ended[state] += 1
            if reason is not None:
                self._failures[reason] += 1
            if painted is not None:
                self._painting.add(painted)

    def figures(self, jobs: Mapping[State, int], workers: tuple[WorkerHealth, ...]) -> Figures:
        """Everything, with what others know."""
        with self._lock:
            return Figures(
                jobs=jobs,
                ended=dict(self._ended),
                failures=dict(self._failures),
                refused=dict(self._refused),
                waiting=self._waiting.spread(),
                painting=self._painting.spread(),
                steps=self._steps,
                step_seconds=self._step_seconds,
                steps_per_second=self._speed() if any(worker.job for worker in workers) else 0.0,
                restarts=sum(worker.restarts for worker in workers),
                workers=workers,
            )

    def _speed(self) -> float:
        gaps = [after - before for before, after in zip(self._recent, islice(self._recent, 1, None), strict=False)]
        return len(gaps) / sum(gaps) if sum(gaps) else 0.0
