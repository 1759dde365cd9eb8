"""AUTOMATIC1111's `progress` and `interrupt` for a job that a worker would be painting."""

import base64

from fastapi.testclient import TestClient

from danqing.jobs.job_folders import JOBS
from danqing.jobs.job_store import JobStore
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.results import run_layout
from danqing.settings import Settings
from tests.serving import QUICK


def test_progress_contains_the_last_preview_and_interrupt_cancels(client: TestClient, settings: Settings) -> None:
    assert client.get("/sdapi/v1/progress").json()["state"]["job_count"] == 0
    id = client.post("/v1/jobs", json=QUICK).json()["id"]
    database = SqliteDatabase(settings.service)
    claimed = JobStore(database, settings.service / JOBS).claim()
    database.close()
    assert claimed is not None
    assert client.get("/sdapi/v1/progress").json()["current_image"] is None
    for step in (2, 10):
        file = claimed.job.folder / run_layout.preview_file(0, step)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(str(step).encode())
    progress = client.get("/sdapi/v1/progress").json()
    assert base64.b64decode(progress["current_image"]) == b"10"
    assert (progress["state"]["job"], progress["state"]["interrupted"]) == (id, False)
    assert client.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
    assert client.post("/sdapi/v1/interrupt").json() == {}
    assert client.get("/sdapi/v1/progress").json()["state"]["interrupted"] is True
