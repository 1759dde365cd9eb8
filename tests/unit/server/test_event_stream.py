"""Waiting for jobs in an event loop, without occupying a thread."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from danqing.errors import JobNotFound
from danqing.jobs.local_runner import LocalJobRunner
from danqing.request import read_request
from danqing.server import event_stream as feeding
from danqing.server.event_stream import JobEventStream
from danqing.settings import Settings
from tests.serving import MODEL, QUICK


@pytest.fixture
def runtime(settings: Settings) -> Iterator[LocalJobRunner]:
    """A runtime without workers: nothing happens but what the test does."""
    with LocalJobRunner(settings, devices=()) as running:
        yield running


def submit(runtime: LocalJobRunner) -> str:
    return runtime.submit(read_request({**QUICK, "model": MODEL})).id


def test_waiting_ends_with_the_job(runtime: LocalJobRunner) -> None:
    id = submit(runtime)

    async def watch() -> str:
        feed = JobEventStream(runtime)
        feed.start()
        waiting = asyncio.create_task(feed.wait(id))
        await asyncio.sleep(0)
        await asyncio.to_thread(runtime.cancel, id)
        job = await asyncio.wait_for(waiting, 60)
        feed.stop()
        return job.state

    assert asyncio.run(watch()) == "cancelled"


def test_closing_ends_all_waits(runtime: LocalJobRunner) -> None:
    id = submit(runtime)

    async def watch() -> str:
        feed = JobEventStream(runtime)
        feed.start()
        waiting = [asyncio.create_task(feed.wait(id)) for _ in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(feed.close)
        jobs = await asyncio.wait_for(asyncio.gather(*waiting), 60)
        assert feed.closing
        return jobs[0].state

    assert asyncio.run(watch()) == "queued"


def test_keepalives_are_sent_without_events(runtime: LocalJobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "KEEPALIVE_SECONDS", 0.01)
    id = submit(runtime)

    async def watch() -> list[object]:
        feed = JobEventStream(runtime)
        feed.start()
        seen: list[object] = []
        async for numbered in feed.events(id):
            seen.append(numbered)
            if len(seen) == 3:
                break
        feed.stop()
        return seen

    assert asyncio.run(watch()) == [None, None, None]


def test_an_unknown_job_is_an_error(runtime: LocalJobRunner) -> None:
    with pytest.raises(JobNotFound):
        asyncio.run(JobEventStream(runtime).wait("649ad2a0-5628-48e8-b87c-71ed9eaea242"))


def test_following_ends_cleanly_when_the_job_is_deleted(runtime: LocalJobRunner) -> None:
    id = submit(runtime)

    async def watch() -> list[object]:
        feed = JobEventStream(runtime)
        feed.start()
        stream = feed.events(id)
        following = asyncio.create_task(_collect(stream))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(runtime.cancel, id)
        await asyncio.to_thread(runtime.delete, id)
        received = await asyncio.wait_for(following, 60)
        feed.stop()
        return received

    assert asyncio.run(watch()) == []


async def _collect(stream: AsyncIterator[object]) -> list[object]:
    return [event async for event in stream if event is not None]
