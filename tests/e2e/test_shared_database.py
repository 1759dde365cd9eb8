"""Two services that share a PostgreSQL database and a home: each sees the jobs of both, and one goes on when the other dies."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from danqing.jobs.runner_lease import LEASE_SECONDS
from tests.postgresql import PostgresServer
from tests.serving import MODEL, QUICK, Serving, make_home, serving

LONG: dict[str, object] = {**QUICK, "steps": 150, "display_rate": 50, "save": []}


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.create_database()


@pytest.fixture
def services(url: str, tmp_path: Path) -> Iterator[list[Serving]]:
    """Two services with a worker each."""
    home = make_home(tmp_path / "shared")
    with ExitStack() as stack:
        options = ("--database", url, "--model", MODEL)
        started = [stack.enter_context(serving(home, *options, painting=False)) for _ in range(2)]
        for service in started:
            service.wait()
        yield started


def is_painter(service: Serving, url: str, job: str) -> bool:
    """Return True if a service paints a job."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT runner FROM jobs WHERE id = %s", (job,)).fetchone()
    return row is not None and f"-{service.process.pid}-" in row[0]


def painter(services: list[Serving], url: str, job: str) -> Serving:
    """Return the service that paints a job."""
    (found,) = (service for service in services if is_painter(service, url, job))
    return found


def steps_of(home: Path, job: str) -> list[int]:
    """Return the numbers of the steps in the event log of a job, in the order in which they were painted."""
    lines = (home / "service" / "jobs" / job / "events.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [event["step"] for event in events if event["type"] == "stepped"]


def test_a_service_goes_on_with_the_job_of_one_that_was_killed(services: list[Serving], url: str) -> None:
    with services[0].client() as client:
        job = client.post("/v1/jobs", json=LONG).json()["id"]
        waiting = [client.post("/v1/jobs", json={**LONG, "seed": seed}).json()["id"] for seed in (1, 2)]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "painting")
    killed = painter(services, url, job)
    (other,) = (service for service in services if service is not killed)

    with other.client() as client:
        until(lambda: client.get(f"/v1/jobs/{job}").json()["step"] > 10)
        before = client.get(f"/v1/jobs/{job}").json()["step"]
        assert {each["id"] for each in client.get("/v1/jobs").json()["data"]} == {job, *waiting}
        killed.end(signal.SIGKILL)
        for each in waiting:  # leaves the worker of the other service to the job of the killed one
            client.delete(f"/v1/jobs/{each}")
        until(lambda: is_painter(other, url, job), LEASE_SECONDS + 45)
        events = client.get(f"/v1/jobs/{job}/events", timeout=600).text
        assert "event: ended" in events
        ended = client.get(f"/v1/jobs/{job}").json()
        assert ended["state"] == "finished"
        assert client.get(f"/v1/jobs/{job}/pictures/0.png").content.startswith(b"\x89PNG")

    painted = steps_of(other.home, job)
    assert sorted(set(painted)) == list(range(len(set(painted)))), "no step is missing"
    assert len(painted) - len(set(painted)) < before + 20, "it resumed from its checkpoint"
    assert len(painted) < 2 * len(set(painted))


def test_a_job_is_followed_and_cancelled_through_the_other_service(services: list[Serving], url: str) -> None:
    with services[0].client() as client:
        job = client.post("/v1/jobs", json=LONG).json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "painting")
    (other,) = (service for service in services if service is not painter(services, url, job))

    with other.client() as client:
        lines = follow(client, job)
        assert next(line for line in lines if line == "event: stepped")
        until(lambda: client.get(f"/v1/jobs/{job}").json()["step"] > 0)
        client.delete(f"/v1/jobs/{job}")
        assert next(line for line in lines if line == "event: ended"), "reported as soon as it happens"
        assert client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
        assert client.delete(f"/v1/jobs/{job}", params={"forget": True}).status_code == 200
    with services[0].client() as client:
        assert client.get(f"/v1/jobs/{job}").status_code == 404


def follow(client: httpx.Client, job: str) -> Iterator[str]:
    """Yield the lines of the event stream of a job."""
    with client.stream("GET", f"/v1/jobs/{job}/events") as response:
        yield from response.iter_lines()


def test_the_queue_of_a_service_that_ends_is_left_to_the_others(services: list[Serving], url: str) -> None:
    with services[0].client() as client:
        job = client.post("/v1/jobs", json=LONG).json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["step"] > 10)
    first = painter(services, url, job)
    (other,) = (service for service in services if service is not first)
    assert first.end() == 0
    with other.client() as client:
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "painting", LEASE_SECONDS)
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "finished")
    painted = steps_of(other.home, job)
    assert len(painted) - len(set(painted)) <= 1, "it went on where the first stopped, at most with its last step"
