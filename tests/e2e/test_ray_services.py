"""Two services over one PostgreSQL database that paint on a Ray cluster: a worker, a node and a service are killed under load."""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from danqing import api
from danqing.request import read_request
from tests.postgresql import PostgresServer
from tests.ray_cluster import add_node, kill_node, kill_worker_process, ray_cluster
from tests.serving import MODEL, QUICK, make_home, serving

pytest.importorskip("ray", reason='pip install "danqing[ray]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

JOB: dict[str, object] = {**QUICK, "model": MODEL, "steps": 40, "display_rate": 20, "save": []}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


@pytest.fixture
def cluster(home: Path) -> Iterator[Any]:
    """A cluster with two nodes."""
    with ray_cluster(home, nodes=2) as started:
        yield started


def until(condition: Callable[[], bool], seconds: float = 300) -> float:
    """Wait for a condition and return the seconds that it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.2)
    return time.monotonic() - started


@dataclass
class Load:
    """Jobs of two services; there are always some that are painted."""

    jobs: list[str] = field(default_factory=list[str])

    def keep_painting(self, client: httpx.Client, count: int) -> None:
        """Submit three jobs, and wait until some number of jobs is beyond its second step."""
        for _ in range(3):
            self.jobs.append(client.post("/v1/jobs", json={**JOB, "seed": len(self.jobs)}).json()["id"])
        until(lambda: sum(job["state"] == "painting" and job["step"] > 2 for job in self.states(client)) >= count)

    def states(self, client: httpx.Client) -> list[dict[str, Any]]:
        """Return all jobs."""
        return [client.get(f"/v1/jobs/{job}").json() for job in self.jobs]

    def seconds_to_next_steps(self, client: httpx.Client, kill: Callable[[], object]) -> float:
        """Kill something, and return the seconds until each job that was painted has made another step or is finished."""
        painted = [job["id"] for job in self.states(client) if job["state"] == "painting"]
        kill()
        time.sleep(2)  # steps from before have arrived
        before = {job["id"]: job["step"] for job in self.states(client) if job["id"] in painted}
        return 2 + until(
            lambda: all(
                job["state"] == "finished" or job["step"] > before[job["id"]]
                for job in self.states(client)
                if job["id"] in before
            )
        )


def test_no_job_is_lost_when_a_worker_a_node_and_a_service_are_killed(
    cluster: Any, home: Path, postgres: PostgresServer
) -> None:
    options = ("--database", postgres.create_database(), "--ray", cluster.address, "--cpus-per-worker", "0.5")
    limits = ("--min-workers", "1", "--max-workers", "1", "--device", "cpu", "--model", MODEL)
    seconds: dict[str, float] = {}

    def replace_node() -> None:
        kill_node(cluster)
        add_node(cluster)

    load = Load()
    with ExitStack() as stack:
        one, other = [stack.enter_context(serving(home, *options, *limits, painting=False)) for _ in range(2)]
        one.wait()
        other.wait()
        with one.client() as first, other.client() as client:
            load.keep_painting(first, 2)
            seconds["worker"] = load.seconds_to_next_steps(client, kill_worker_process)
            load.keep_painting(first, 1)
            seconds["node"] = load.seconds_to_next_steps(client, replace_node)
            load.keep_painting(first, 1)
            seconds["service"] = load.seconds_to_next_steps(client, lambda: one.end(signal.SIGKILL))
            until(lambda: all(job["state"] == "finished" for job in load.states(client)), 400)
            pictures = [client.get(f"/v1/jobs/{job}/pictures/0.png").content for job in load.jobs]
    print("seconds to the next step:", {name: round(value) for name, value in seconds.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(home))
        pipeline = api.load(MODEL, device="cpu")
        for seed, picture in enumerate(pictures):
            alone = api.create(read_request({**JOB, "seed": seed}), pipeline=pipeline, out=None)[0].to_png()
            assert hashlib.sha256(picture).hexdigest() == hashlib.sha256(alone).hexdigest()
