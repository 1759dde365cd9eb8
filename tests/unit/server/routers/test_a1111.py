"""AUTOMATIC1111's `progress` and `interrupt` for a job that a worker would be painting."""

import base64
import io

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from danqing.jobs.job_folders import JOBS
from danqing.jobs.job_store import JobStore
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.request import read_request
from danqing.results import run_layout
from danqing.results.picture_metadata import to_pnginfo
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


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (["雪山", "湖"], ["雪山", "湖"]),
        (["雪山:2", "行人:-0.5"], ["雪山:2", "Negative prompt: 行人"]),
        (["雪山:1 行人:-0.5", "湖", "船:-1"], ["雪山", "湖", "Negative prompt: 行人, 船"]),
    ],
)
def test_png_info_tells_negative_prompts_from_others(
    client: TestClient, prompts: list[str], expected: list[str]
) -> None:
    request, buffer = read_request({"prompts": prompts, "size": "64x64", "seed": 7}), io.BytesIO()
    pnginfo = to_pnginfo(request, seed=7, number=0, model="danqing_mini")
    Image.new("RGB", (64, 64)).save(buffer, "PNG", pnginfo=pnginfo)
    answer = client.post("/sdapi/v1/png-info", json={"image": base64.b64encode(buffer.getvalue()).decode()})
    assert answer.json()["info"].splitlines()[:-1] == expected
