"""Two services that share a database and a store, but no folder; the one that paints is killed."""

import hashlib
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgresql import PostgresServer
from tests.serving import MODEL, QUICK, Serving, make_home, serving

pytest.importorskip("fsspec", reason='pip install "danqing[store]"')
pytestmark = pytest.mark.slow

JOB: dict[str, object] = {**QUICK, "model": MODEL, "seed": 7, "steps": 400, "display_rate": 50, "save": []}


def wait(
    client: httpx.Client, id: str, *, step: int = 0, state: str = "painting", seconds: float = 300
) -> dict[str, Any]:
    """Wait until a job is in a state and has reached a step."""
    end = time.monotonic() + seconds
    while True:
        job: dict[str, Any] = client.get(f"/v1/jobs/{id}").json()
        if job["state"] == state and (state == "finished" or job["step"] >= step):
            return job
        assert time.monotonic() < end, job
        time.sleep(0.2)


def paint_alone(service: Serving) -> str:
    """Return the SHA-256 of the picture, painted without a break."""
    with service.client() as client:
        id = client.post("/v1/jobs", json=JOB).json()["id"]
        wait(client, id, state="finished")
        return hashlib.sha256(client.get(f"/v1/jobs/{id}/pictures/0.png").content).hexdigest()


def test_a_service_continues_the_job_of_another_from_the_store(postgres: PostgresServer, tmp_path: Path) -> None:
    shared = ("--database", postgres.create_database(), "--store", f"file://{tmp_path}/store")
    homes = [make_home(tmp_path / name) for name in ("one", "other")]
    with (
        serving(homes[0], *shared) as one,
        serving(homes[1], *shared) as other,
        one.client() as client,
        other.client() as watching,
    ):
        watching.put("/v1/queue", json={"paused": True}).raise_for_status()
        id = client.post("/v1/jobs", json=JOB).json()["id"]
        wait(client, id, step=3)
        time.sleep(6)  # until the next upload
        wait(client, id, step=8)
        one.end(signal.SIGKILL)
        watching.put("/v1/queue", json={"paused": False}).raise_for_status()
        wait(watching, id, state="finished")
        picture = watching.get(f"/v1/jobs/{id}/pictures/0.png").content
        events = watching.get(f"/v1/jobs/{id}/events").text
        steps = [int(step) for step in re.findall(r'event: stepped\ndata: .*?"step": ?(\d+)', events)]
        assert steps.count(0) == 1, "it resumed from the checkpoint"
        assert set(steps) == set(range(400))
        expected = paint_alone(other)
    assert hashlib.sha256(picture).hexdigest() == expected
