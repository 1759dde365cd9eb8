"""`/v1/queue` without workers: all jobs stay queued."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from danqing.server.api_keys import ApiKeyStore
from danqing.server.model_registry import ModelRegistry
from danqing.settings import Settings
from tests.serving import QUICK
from tests.unit.server.conftest import context_behind


@pytest.fixture
def add(client: TestClient) -> Callable[..., str]:
    def submit(**options: Any) -> str:
        reply = client.post("/v1/jobs", json=QUICK, **options)
        assert reply.status_code == 202, reply.text
        return reply.json()["id"]

    return submit


def ids(reply: Any) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [job["id"] for job in reply.json()["data"]]


def test_the_queue_is_in_the_order_of_starting_and_can_be_changed(client: TestClient, add: Callable[..., str]) -> None:
    first, second = add(), add()
    assert ids(client.get("/v1/queue")) == [first, second]
    assert ids(client.put(f"/v1/jobs/{second}/place", json={"place": 0})) == [second, first]
    assert ids(client.put(f"/v1/jobs/{second}/place", json={"place": 99})) == [first, second]
    assert client.get(f"/v1/jobs/{second}").json()["position"] == 1
    assert client.put(f"/v1/jobs/{second}/place", json={"place": -1}).status_code == 422
    assert ids(client.delete("/v1/queue")) == []
    assert client.get(f"/v1/jobs/{first}").json()["state"] == "cancelled"
    assert ids(client.put(f"/v1/jobs/{first}/place", json={"place": 0})) == []


def test_the_queue_stays_paused_until_it_is_started_again(client: TestClient) -> None:
    runner = context_behind(client).runner
    assert client.get("/v1/queue").json()["paused"] is False
    for paused in (True, True, False, False):
        assert client.put("/v1/queue", json={"paused": paused}).json()["paused"] is paused
        assert runner.paused is paused


def test_keys_share_a_queue(client: TestClient, settings: Settings, add: Callable[..., str]) -> None:
    keys = ApiKeyStore.from_settings(settings)
    anna, berta = (dict[str, Any](headers={"Authorization": f"Bearer {keys.add(name)}"}) for name in ("anna", "berta"))
    first, second = add(**anna), add(**berta)
    assert ids(client.get("/v1/queue", **berta)) == [second]
    assert ids(client.put(f"/v1/jobs/{second}/place", json={"place": 0}, **berta)) == [second]
    assert client.get(f"/v1/jobs/{second}", **berta).json()["position"] == 1
    assert client.put(f"/v1/jobs/{first}/place", json={"place": 0}, **berta).status_code == 404
    assert client.put("/v1/queue", json={"paused": True}, **berta).status_code == 403
    assert client.get("/v1/queue", **berta).json()["can_pause"] is False
    assert ids(client.delete("/v1/queue", **berta)) == []
    assert ids(client.get("/v1/queue", **anna)) == [first]


def test_a_full_queue_rejects_before_a_request_is_checked(
    client: TestClient, add: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = str(uuid4())
    add()
    assert client.post("/v1/jobs", json={**QUICK, "id": id}).status_code == 202
    with monkeypatch.context() as patch:
        patch.delattr(ModelRegistry, "with_defaults")  # the check would fail with it
        reply = client.post("/v1/jobs", json=QUICK)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "busy")
    assert int(reply.headers["Retry-After"]) > 0
    assert client.post("/v1/jobs", json={**QUICK, "id": id}).status_code == 202, "a repeated call gets its job"
    assert 'danqing_jobs_rejected_total{reason="queue_full"} 1.0' in client.get("/metrics").text
