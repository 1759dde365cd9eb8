"""Asynchronous job events: coroutines wait for changes without occupying a thread."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from danqing.errors import JobNotFound
from danqing.jobs import Job, JobRunner, NumberedEvent

KEEPALIVE_SECONDS = 10.0
"""Interval of keep-alive messages while a job does not change."""


class JobEventStream:
    """Events of a runner's jobs for coroutines. `start` and `stop` are called in the event loop."""

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], None] = _nothing
        self._closing = False

    @property
    def closing(self) -> bool:
        """True once the service is shutting down; all waits have ended then."""
        return self._closing

    def start(self) -> None:
        """Subscribe to the runner; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._runner.subscribe(self._changed)

    def close(self) -> None:
        """Wake all waiters so that they return. Thread- and signal-safe."""
        self._closing = True
        self._call(self._wake_all)

    def stop(self) -> None:
        """Unsubscribe from the runner."""
        self._unsubscribe()

    async def events(self, id: str, *, after: int = 0) -> AsyncIterator[NumberedEvent | None]:
        """Yield the events of a job as they happen, and None every `KEEPALIVE_SECONDS`. Ends with the job or the service.

        Raises:
            JobNotFound: no job has this ID, or it was deleted meanwhile.
        """
        changed = asyncio.Event()
        self._waiting.setdefault(id, set()).add(changed)
        try:
            first = True
            while not self._closing:
                changed.clear()
                try:
                    events, is_ended = await run_in_threadpool(self._read, id, after)
                except JobNotFound:
                    if first:
                        raise
                    return  # deleted by another client
                first = False
                for numbered in events:
                    after = numbered.number
                    yield numbered
                if is_ended:
                    return
                if not await _changed_in_time(changed):
                    yield None
        finally:
            self._waiting[id].discard(changed)
            if not self._waiting[id]:
                del self._waiting[id]

    async def wait(self, id: str) -> Job:
        """Wait until a job has ended or the service shuts down; return its current state.

        Raises:
            JobNotFound: no job has this ID.
        """
        async for _ in self.events(id):
            pass
        return await run_in_threadpool(self._runner.get, id)

    def _read(self, id: str, after: int) -> tuple[list[NumberedEvent], bool]:
        """Return the new events, and True if there will be no more."""
        events: list[NumberedEvent] = []
        for numbered in self._runner.events(id, after=after, timeout=0):
            if numbered is None:
                return events, False
            events.append(numbered)
        return events, True

    def _changed(self, id: str) -> None:
        self._call(self._wake, id)

    def _call(self, callback: Callable[..., None], *arguments: str) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(callback, *arguments)

    def _wake(self, id: str) -> None:
        for changed in self._waiting.get(id, ()):
            changed.set()

    def _wake_all(self) -> None:
        for id in self._waiting:
            self._wake(id)


async def _changed_in_time(changed: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(KEEPALIVE_SECONDS):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def _nothing() -> None:
    return None
