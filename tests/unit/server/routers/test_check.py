"""`/v1/check`: the messages that a job would give, without a job."""

from fastapi.testclient import TestClient

from tests.serving import QUICK


def test_messages_are_those_of_a_job(client: TestClient) -> None:
    values = {**QUICK, "prompts": "a red boat"}
    notices = client.post("/v1/check", json=values).json()["notices"]
    assert "Chinese" in notices[0]["en"]
    assert client.get("/v1/jobs").json()["data"] == []
    assert client.post("/v1/jobs", json=values).json()["notices"] == notices


def test_a_request_that_can_be_painted_has_no_messages(client: TestClient) -> None:
    estimate = client.post("/v1/check", json={**QUICK, "prompts": "山"}).json()
    assert estimate == {"notices": [], "seconds": None, "memory": None}


def test_wrong_values_are_rejected(client: TestClient) -> None:
    assert client.post("/v1/check", json={"prompts": []}).status_code == 422
    assert client.post("/v1/check", json={**QUICK, "size": "99999999x64"}).status_code == 422
