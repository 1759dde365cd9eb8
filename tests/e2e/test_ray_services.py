"""Two services over one PostgreSQL database that paint on a Ray cluster: a worker, a node and a service are killed under load."""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from danqing import api
from danqing.request import read_request
from danqing.settings import set_ray_defaults
from tests.postgresql import PostgresServer
from tests.serving import MODEL, QUICK, make_home, serving

pytest.importorskip("ray", reason='pip install "danqing[ray]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

STORE = 80 * 2**20
JOB: dict[str, object] = {**QUICK, "model": MODEL, "steps": 40, "display_rate": 20, "save": []}
SEEDS = range(5)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")


@pytest.fixture
def cluster(home: Path) -> Iterator[Any]:
    """A head without CPUs and two nodes."""
    from ray.cluster_utils import Cluster  # pyright: ignore

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        set_ray_defaults()
        head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
        started: Any = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                started.add_node(num_cpus=1, object_store_memory=STORE)
            yield started
        finally:
            started.shutdown()


def until(condition: Callable[[], bool], seconds: float = 300) -> float:
    """Wait for a condition and return the seconds that it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.2)
    return time.monotonic() - started


def kill_a_worker() -> None:
    for process in psutil.process_iter(["cmdline", "ppid"]):
        if (process.info["cmdline"] or [])[-1:] == ["danqing.jobs.worker"]:
            actor = psutil.Process(process.info["ppid"])
            if "ray::NodeWorker" in " ".join(actor.cmdline()):
                process.kill()
                return
    raise AssertionError("no worker runs")


def painting(client: httpx.Client, jobs: list[str]) -> dict[str, int]:
    """Return the steps of the jobs that are painted."""
    found = [client.get(f"/v1/jobs/{job}").json() for job in jobs]
    return {job["id"]: job["step"] for job in found if job["state"] == "painting"}


def last_steps(client: httpx.Client, jobs: list[str]) -> dict[str, int]:
    """Return the steps of the jobs that are painted, when those before a kill have arrived."""
    time.sleep(2)
    return painting(client, jobs)


def advanced(client: httpx.Client, before: dict[str, int]) -> bool:
    """Return True if each job has gone on since it had this step."""
    found = [client.get(f"/v1/jobs/{id}").json() for id in before]
    return all(job["state"] == "finished" or job["step"] > before[job["id"]] for job in found)


def test_no_job_is_lost_when_a_worker_a_node_and_a_service_are_killed(
    cluster: Any, home: Path, postgres: PostgresServer
) -> None:
    options = ("--database", postgres.create_database(), "--ray", cluster.address, "--cpus-per-worker", "0.5")
    limits = ("--min-workers", "1", "--max-workers", "1", "--device", "cpu", "--model", MODEL)
    seconds: dict[str, float] = {}
    with ExitStack() as stack:
        one, other = [stack.enter_context(serving(home, *options, *limits, painting=False)) for _ in range(2)]
        one.wait()
        other.wait()
        with one.client() as first, other.client() as client:
            jobs = [first.post("/v1/jobs", json={**JOB, "seed": seed}).json()["id"] for seed in SEEDS]
            until(lambda: len(painting(client, jobs)) == 2 and min(painting(client, jobs).values()) > 2)
            kill_a_worker()
            before = last_steps(client, jobs)
            seconds["worker"] = 2 + until(lambda: advanced(client, before))
            until(lambda: len(painting(client, jobs)) > 0 and min(painting(client, jobs).values()) > 2)
            cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
            before = last_steps(client, jobs)
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
            seconds["node"] = 2 + until(lambda: advanced(client, before))
            until(lambda: len(painting(client, jobs)) > 0)
            one.end(signal.SIGKILL)
            before = last_steps(client, jobs)
            seconds["service"] = 2 + until(lambda: advanced(client, before))
            until(lambda: all(client.get(f"/v1/jobs/{job}").json()["state"] == "finished" for job in jobs), 400)
            pictures = [client.get(f"/v1/jobs/{job}/pictures/0.png").content for job in jobs]
    print("seconds to the next step:", {name: round(value) for name, value in seconds.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(home))
        pipeline = api.load(MODEL, device="cpu")
        for seed, picture in zip(SEEDS, pictures, strict=True):
            alone = api.create(read_request({**JOB, "seed": seed}), pipeline=pipeline, out=None)[0].to_png()
            assert hashlib.sha256(picture).hexdigest() == hashlib.sha256(alone).hexdigest()
