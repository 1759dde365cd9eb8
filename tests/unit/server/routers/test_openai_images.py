"""`/v1/images/generations` while its job fails, is cancelled, or has a prompt that is reported."""

import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from danqing.i18n import Text
from danqing.jobs import Failure, State
from danqing.jobs.job_folders import JOBS
from danqing.jobs.job_store import JobStore
from danqing.jobs.progress import Progress
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.results import run_layout
from danqing.settings import Settings
from tests.malicious_inputs import data_uri, odd_pictures
from tests.unit.server.test_init_image import picture

pytestmark = pytest.mark.slow

BODY = {"prompt": "远山", "size": "64x64", "steps": 3}
EN = {"Accept-Language": "en"}


@contextmanager
def ends_soon(settings: Settings, state: State, failure: Failure | None = None) -> Generator[None]:
    """End the next job as a worker would, shortly after it was queued."""

    def end() -> None:
        database = SqliteDatabase(settings.service)
        store = JobStore(database, settings.service / JOBS)
        while (claimed := store.claim()) is None:
            time.sleep(0.05)
        time.sleep(0.5)  # the response has begun by then
        file = claimed.job.folder / run_layout.picture_file(0, "png")
        file.parent.mkdir(parents=True)
        file.write_bytes(picture())
        store.finish(claimed.job.id, state, progress=Progress(0, 1, 3), failure=failure)
        database.close()

    thread = threading.Thread(target=end)
    thread.start()
    yield
    thread.join()


@pytest.fixture(autouse=True)
def short_keepalive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send white space, and look at the job again, after a fraction of a second."""
    monkeypatch.setattr("danqing.server.event_stream.KEEPALIVE_SECONDS", 0.1)
    monkeypatch.setattr("danqing.server.job_response.KEEPALIVE_SECONDS", 0.1)


FAILURE = Failure("out_of_memory", Text("内存不足。", "Out of memory."))


def test_a_failure_after_the_headers_is_reported_in_the_body(client: TestClient, settings: Settings) -> None:
    with ends_soon(settings, "failed", FAILURE):
        reply = client.post("/v1/images/generations", json=BODY, headers=EN)
    assert reply.status_code == 200
    assert reply.text.startswith(" ")
    assert reply.headers["X-Job-Id"] == client.get("/v1/jobs").json()["data"][0]["id"]
    error = reply.json()["error"]
    assert (error["code"], error["message"], error["type"]) == ("out_of_memory", "Out of memory.", "server_error")


def test_a_failure_while_streaming_is_sent_as_an_error_event(client: TestClient, settings: Settings) -> None:
    with ends_soon(settings, "failed", FAILURE):
        reply = client.post("/v1/images/generations", json={**BODY, "stream": True}, headers=EN)
    assert reply.status_code == 200
    kind, data = reply.text.strip().rpartition("\n\n")[2].split("\n")[-2:]
    assert kind == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["code"] == "out_of_memory"


def test_a_cancelled_job_is_an_error(client: TestClient, settings: Settings) -> None:
    with ends_soon(settings, "cancelled"):
        reply = client.post("/v1/images/generations", json=BODY)
    assert reply.json()["error"]["code"] == "cancelled"


def test_messages_about_the_prompt_are_an_extra_field(client: TestClient, settings: Settings) -> None:
    with ends_soon(settings, "finished"):
        reply = client.post("/v1/images/generations", json={**BODY, "prompt": "孤舟" * 200})
    assert any("too long" in notice["en"] for notice in reply.json()["notices"])
    with ends_soon(settings, "finished"):
        reply = client.post("/v1/images/generations", json=BODY)
    assert "notices" not in reply.json()


def test_a_damaged_init_image_is_rejected_before_a_job_is_queued(client: TestClient) -> None:
    broken = data_uri(next(iter(odd_pictures().values())))
    reply = client.post("/v1/images/generations", json={**BODY, "init_image": broken})
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, "init_image")
    assert client.get("/v1/jobs").json()["data"] == []
