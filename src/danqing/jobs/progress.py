"""Where the running jobs stand, in memory, and who wants to know when something changes."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_LEARN = 0.1
"""Weight of the newest step in the running mean of the pace."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands: `step` of `steps` steps of `batch` are done."""

    batch: int = 0
    step: int = 0
    steps: int = 0


class Board:
    """Shared by the threads of a runtime."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._versions: dict[str, int] = {}
        self._progress: dict[str, Progress] = {}
        self._watchers: list[Callable[[str], None]] = []
        self._pace: float | None = None
        self._closed = False

    @property
    def pace(self) -> float | None:
        """Seconds for a pixel and guided step, a running mean; None until a step has been painted."""
        return self._pace

    def progress(self, id: str) -> Progress:
        """Where a job that is being painted stands."""
        return self._progress.get(id, Progress())

    def place(self, id: str, progress: Progress) -> None:
        """Where a job stands that was just taken."""
        self._progress[id] = progress

    def move(self, id: str, progress: Progress, *, pace: float) -> None:
        """A step of a job is done; it took `pace` seconds a pixel and guided step."""
        self._progress[id] = progress
        self._pace = pace if self._pace is None else self._pace + _LEARN * (pace - self._pace)
        self.change(id)

    def drop(self, id: str) -> None:
        """A job is not being painted any more."""
        self._progress.pop(id, None)

    def change(self, id: str) -> None:
        """Tell everybody that something has happened to a job."""
        with self._changed:
            self._versions[id] = self._versions.get(id, 0) + 1
            self._changed.notify_all()
            watchers = tuple(self._watchers)
        for watcher in watchers:
            watcher(id)

    def version(self, id: str) -> int:
        """Grows with every change of a job."""
        return self._versions.get(id, 0)

    def wait(self, id: str, version: int, timeout: float | None) -> bool:
        """Wait until a job's version is another; returns whether it is, or nobody waits any more."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or self.version(id) != version, timeout)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def forget(self, id: str) -> None:
        """A job is gone for good."""
        self.change(id)
        self._versions.pop(id, None)

    def watch(self, watcher: Callable[[str], None]) -> Callable[[], None]:
        """Call `watcher` at every change, until the returned function is called."""
        with self._changed:
            self._watchers.append(watcher)

        def end() -> None:
            with self._changed, suppress(ValueError):
                self._watchers.remove(watcher)

        return end
