"""`/v1/jobs` without workers: all jobs stay queued."""

from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from danqing.jobs.other_runs import OtherRuns
from danqing.server.api_keys import ApiKeyStore
from danqing.settings import Settings
from tests.serving import MODEL, QUICK
from tests.unit.jobs.test_other_runs import add_run
from tests.unit.server.conftest import Make, context_behind

pytestmark = pytest.mark.slow


def test_a_new_job_is_queued_and_its_position_returned(client: TestClient) -> None:
    reply = client.post("/v1/jobs", json=QUICK)
    job = reply.json()
    assert reply.status_code == 202
    assert reply.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["position"], job["model"]) == ("queued", 0, MODEL)
    assert job["request"]["seed"] is not None
    assert client.get(reply.headers["Location"]).json() == job
    assert client.post("/v1/jobs", json=QUICK).json()["position"] == 1


def test_problems_of_the_prompt_are_reported_when_a_job_is_submitted(client: TestClient) -> None:
    assert (
        client.post("/v1/jobs", json={**QUICK, "prompts": "行人:-1"}).json()["notices"][0]["zh"].startswith("所有权重")
    )
    job = client.post("/v1/jobs", json={**QUICK, "prompts": "孤舟" * 200}).json()
    assert any("too long" in notice["en"] for notice in job["notices"])
    assert client.get(f"/v1/jobs/{job['id']}").json()["notices"] == job["notices"]


def test_the_same_id_creates_one_job(client: TestClient) -> None:
    mine = {**QUICK, "id": str(uuid4())}
    first, again = (client.post("/v1/jobs", json=mine) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"] == mine["id"]
    other = client.post("/v1/jobs", json={**mine, "steps": 9})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")


def test_a_full_queue_responds_503_with_retry_after(client: TestClient) -> None:
    replies = [client.post("/v1/jobs", json=QUICK) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [202, 202, 503, 503]
    assert int(replies[-1].headers["Retry-After"]) >= 1


def test_a_key_with_too_many_jobs_gets_429(client: TestClient, settings: Settings) -> None:
    headers = {"Authorization": f"Bearer {ApiKeyStore.from_settings(settings).add('a')}"}
    replies = [client.post("/v1/jobs", json=QUICK, headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [202, 429]
    assert int(replies[-1].headers["Retry-After"]) >= 1


def test_jobs_are_listed_newest_first_in_pages(client: TestClient) -> None:
    ids = [client.post("/v1/jobs", json=QUICK).json()["id"] for _ in range(2)]
    page = client.get("/v1/jobs?limit=1").json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([ids[1]], True)
    rest = client.get(f"/v1/jobs?before={ids[1]}&state=queued").json()
    assert ([job["id"] for job in rest["data"]], rest["has_more"]) == ([ids[0]], False)
    assert client.get("/v1/jobs?state=finished").json()["data"] == []


def test_cancelling_is_idempotent(client: TestClient) -> None:
    where = client.post("/v1/jobs", json=QUICK).headers["Location"]
    assert [client.delete(where).json()["state"] for _ in range(2)] == ["cancelled", "cancelled"]
    assert client.post(f"{where}/resume").json()["state"] == "queued"
    assert client.delete(f"{where}?forget=true").json()["state"] == "cancelled"
    assert client.get(where).status_code == 404


def test_the_event_stream_of_a_cancelled_job_ends(client: TestClient) -> None:
    where = client.post("/v1/jobs", json=QUICK).headers["Location"]
    client.delete(where)
    reply = client.get(f"{where}/events")
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert "event: ended" in reply.text
    assert '"state":"cancelled"' in reply.text


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣", "9" * 30])
def test_an_invalid_last_event_id_is_rejected(client: TestClient, last: str) -> None:
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
def test_an_invalid_field_is_rejected_and_named(
    client: TestClient, changes: dict[str, object], status: int, field: str
) -> None:
    reply = client.post("/v1/jobs", json={**QUICK, **changes})
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, field)
    assert client.get("/v1/jobs").json()["data"] == []


def test_errors_are_in_the_language_of_the_client(client: TestClient) -> None:
    zh, en = (client.get("/v1/jobs/1", headers={"Accept-Language": word}).json() for word in ("zh-CN", "en-US,en"))
    assert zh["error"]["message"].startswith("任务 ID 应为 UUID")
    assert en["error"]["message"].isascii()


def test_a_stopping_service_rejects_new_jobs(client: TestClient) -> None:
    context_behind(client).job_events.close()
    reply = client.post("/v1/jobs", json=QUICK)
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "10")
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_an_init_image_is_not_repeated_in_responses(client: TestClient) -> None:
    from tests.malicious_inputs import data_uri
    from tests.unit.server.test_init_image import picture

    reply = client.post("/v1/jobs", json={**QUICK, "init_image": data_uri(picture()), "skip_steps": 2})
    assert reply.status_code == 202
    assert "init_image" not in reply.json()["request"]
    assert client.get(reply.json()["start"]).headers["Content-Type"] == "image/png"


def test_jobs_are_searched(client: TestClient) -> None:
    boat = client.post("/v1/jobs", json={**QUICK, "prompts": "孤舟", "size": "128x64"}).json()["id"]
    hill = client.post("/v1/jobs", json={**QUICK, "prompts": "远山", "style": "水墨画", "artist": "齐白石"}).json()[
        "id"
    ]

    def found(query: str) -> list[str]:
        return [job["id"] for job in client.get(f"/v1/jobs?{query}").json()["data"]]

    assert found("search=孤舟") == [boat]
    assert found("search=远山 齐白石") == [hill]
    assert found("search=远山 孤舟") == []
    assert found("style=水墨") == [hill]
    assert found("shape=wide") == [boat]
    assert found(f"model={MODEL}") == [hill, boat]
    assert found("model=other") == []
    assert found(f"id={boat}") == [boat]
    assert found(f"id={uuid4()}") == []


def test_runs_of_the_command_line_are_shown_while_no_key_is_required(make: Make, settings: Settings) -> None:
    folder = add_run(settings, "drawn", prompts="一座孤塔")
    client = make(runs=OtherRuns(settings))
    job = client.post("/v1/jobs", json=QUICK).json()["id"]
    listed = client.get("/v1/jobs?runs=true").json()["data"]
    assert listed[0]["id"] == job
    assert [one["is_run"] for one in listed] == [False, True]
    run = listed[1]
    assert [one["id"] for one in client.get(f"/v1/jobs?runs=true&before={job}").json()["data"]] == [run["id"]]
    assert client.get(f"/v1/jobs?runs=true&before={run['id']}").json()["data"] == []
    assert client.get("/v1/jobs?runs=true&limit=1").json()["has_more"] is True
    assert [one["id"] for one in client.get("/v1/jobs?runs=true&search=孤塔").json()["data"]] == [run["id"]]
    assert [one["id"] for one in client.get("/v1/jobs").json()["data"]] == [job]
    assert client.get(run["pictures"][0]["url"]).headers["Content-Type"] == "image/png"
    assert client.get(f"/v1/jobs/{run['id']}/thumbnail.webp").status_code == 200
    assert "ended" in client.get(run["events"]).text
    assert client.post(f"/v1/jobs/{run['id']}/resume").status_code == 404

    key = {"Authorization": f"Bearer {ApiKeyStore.from_settings(settings).add('a')}"}
    assert client.get(f"/v1/jobs/{run['id']}", headers=key).status_code == 404
    assert client.get("/v1/jobs?runs=true", headers=key).json()["data"] == []
    ApiKeyStore.from_settings(settings).remove("a")
    assert client.delete(f"/v1/jobs/{run['id']}").json()["state"] == "finished"
    assert folder.exists()
    assert client.delete(f"/v1/jobs/{run['id']}?forget=true").status_code == 200
    assert not folder.exists()
