"""`/v1/jobs` while everything waits."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from danqing.server.api_keys import ApiKeyStore
from danqing.settings import Settings
from tests.serving import MODEL, QUICK
from tests.unit.server.conftest import context_behind


def test_a_job_is_taken_and_told_where_it_is(client: TestClient) -> None:
    reply = client.post("/v1/jobs", json=QUICK)
    job = reply.json()
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["position"], job["model"]) == ("queued", 0, MODEL)
    assert job["request"]["seed"] is not None
    assert client.get(reply.headers["Location"]).json() == job
    assert client.post("/v1/jobs", json=QUICK).json()["position"] == 1


def test_an_id_of_ones_own_paints_once(client: TestClient) -> None:
    mine = {**QUICK, "id": str(uuid4())}
    first, again = (client.post("/v1/jobs", json=mine) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"] == mine["id"]
    other = client.post("/v1/jobs", json={**mine, "steps": 9})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


def test_a_full_queue_says_when_to_come_again(client: TestClient) -> None:
    replies = [client.post("/v1/jobs", json=QUICK) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [202, 202, 503, 503]
    assert int(replies[-1].headers["Retry-After"]) >= 1


def test_one_key_does_not_take_every_place(client: TestClient, settings: Settings) -> None:
    headers = {"Authorization": f"Bearer {ApiKeyStore.from_settings(settings).add('a')}"}
    replies = [client.post("/v1/jobs", json=QUICK, headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [202, 429]
    assert int(replies[-1].headers["Retry-After"]) >= 1


def test_jobs_are_listed_newest_first_by_the_page(client: TestClient) -> None:
    ids = [client.post("/v1/jobs", json=QUICK).json()["id"] for _ in range(2)]
    page = client.get("/v1/jobs?limit=1").json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([ids[1]], True)
    rest = client.get(f"/v1/jobs?before={ids[1]}&state=queued").json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    assert client.get("/v1/jobs?state=finished").json()["data"] == []


def test_cancelling_twice_is_cancelling_once(client: TestClient) -> None:
    where = client.post("/v1/jobs", json=QUICK).headers["Location"]
    assert [client.delete(where).json()["state"] for _ in range(2)] == ["cancelled", "cancelled"]
    assert client.post(f"{where}/resume").json()["state"] == "queued"
    assert client.delete(f"{where}?forget=true").json()["state"] == "cancelled"
    assert client.get(where).status_code == 404


def test_events_of_a_cancelled_job_end_with_it(client: TestClient) -> None:
    where = client.post("/v1/jobs", json=QUICK).headers["Location"]
    client.delete(where)
    reply = client.get(f"{where}/events")
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert "event: ended" in reply.text
    assert '"state":"cancelled"' in reply.text


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣", "9" * 30])
def test_the_last_event_is_a_number(client: TestClient, last: str) -> None:
    where = client.post("/v1/jobs", json=QUICK).headers["Location"]
    assert client.get(f"{where}/events", headers={"Last-Event-ID": last.encode("utf-8")}).status_code == 422  # pyright: ignore


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"steps": 1001}, 422, "steps"),
        ({"size": "2048x1024"}, 422, "size"),
        ({"n_batches": 5, "batch_size": 4}, 422, "n_batches"),
        ({"model": "danqing_mini"}, 404, "model"),
        ({"id": "1"}, 422, "id"),
        ({"id": 1}, 422, "id"),
        ({"device": "cpu"}, 422, "device"),
        ({"init_image": "/etc/passwd"}, 422, "init_image"),
        ({"stpes": 3}, 422, "stpes"),
    ],
)
def test_what_is_refused_names_the_field(
    client: TestClient, changes: dict[str, object], status: int, field: str
) -> None:
    reply = client.post("/v1/jobs", json={**QUICK, **changes})
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, field)
    assert client.get("/v1/jobs").json()["data"] == []


def test_errors_come_in_the_callers_language(client: TestClient) -> None:
    zh, en = (client.get("/v1/jobs/1", headers={"Accept-Language": word}).json() for word in ("zh-CN", "en-US,en"))
    assert zh["error"]["message"].startswith("job_id 不对")
    assert en["error"]["message"].isascii()


def test_a_service_on_its_way_down_takes_nothing_new(client: TestClient) -> None:
    context_behind(client).job_events.close()
    reply = client.post("/v1/jobs", json=QUICK)
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "10")
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_a_start_picture_is_not_shown_again(client: TestClient) -> None:
    from tests.hostile import data_uri
    from tests.unit.server.test_request_parsing import picture

    reply = client.post("/v1/jobs", json={**QUICK, "init_image": data_uri(picture()), "skip_steps": 2})
    assert reply.status_code == 202
    assert "init_image" not in reply.json()["request"]
    assert client.get(reply.json()["start"]).headers["Content-Type"] == "image/png"
