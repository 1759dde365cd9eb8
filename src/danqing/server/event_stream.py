"""Waiting for jobs without holding a thread: the runtime says that a job has changed, and whoever waits for it looks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from danqing.jobs import Job, Numbered, Runtime

PATIENCE = 10.0
"""Seconds without news after which a waiting caller is told that nothing happened."""


class Feed:
    """The jobs of a runtime for coroutines. Started and closed in the event loop that waits."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unwatch: Callable[[], None] = _nothing
        self._closing = False

    @property
    def closing(self) -> bool:
        """Whether the service is on its way down: no new work, and nobody waits any longer."""
        return self._closing

    def start(self) -> None:
        """Begin to listen, from within the event loop."""
        self._loop = asyncio.get_running_loop()
        self._unwatch = self._runtime.watch(self._changed)

    def close(self) -> None:
        """Send everybody who waits away. From any thread, also from a signal's handler."""
        self._closing = True
        self._call(self._wake_all)

    def stop(self) -> None:
        """End listening."""
        self._unwatch()

    async def events(self, id: str, *, after: int = 0) -> AsyncIterator[Numbered | None]:
        """The events of a job as they happen, None whenever there was nothing for a while; ends with the job or the service.

        Raises:
            JobNotFound: there is no such job, or it was forgotten meanwhile.
        """
        news = asyncio.Event()
        self._waiting.setdefault(id, set()).add(news)
        try:
            while not self._closing:
                news.clear()
                seen, over = await run_in_threadpool(self._read, id, after)
                for numbered in seen:
                    after = numbered.number
                    yield numbered
                if over:
                    return
                if not await _happens(news):
                    yield None
        finally:
            self._waiting[id].discard(news)
            if not self._waiting[id]:
                del self._waiting[id]

    async def ended(self, id: str) -> Job:
        """Wait until a job is over or the service stops; the job as it stands then.

        Raises:
            JobNotFound: there is no such job.
        """
        async for _ in self.events(id):
            pass
        return await run_in_threadpool(self._runtime.get, id)

    def _read(self, id: str, after: int) -> tuple[list[Numbered], bool]:
        """The events that are there, and whether more can come."""
        seen: list[Numbered] = []
        for numbered in self._runtime.events(id, after=after, timeout=0):
            if numbered is None:
                return seen, False
            seen.append(numbered)
        return seen, True

    def _changed(self, id: str) -> None:
        self._call(self._wake, id)

    def _call(self, what: Callable[..., None], *arguments: str) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(what, *arguments)

    def _wake(self, id: str) -> None:
        for news in self._waiting.get(id, ()):
            news.set()

    def _wake_all(self) -> None:
        for id in self._waiting:
            self._wake(id)


async def _happens(news: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _nothing() -> None:
    return None
