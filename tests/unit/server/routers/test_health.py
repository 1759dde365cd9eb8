"""Health probes and metrics."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from danqing.jobs.status import WorkerHealth
from tests.serving import QUICK
from tests.unit.server.conftest import context_behind


def worker(*, ready: bool) -> WorkerHealth:
    return WorkerHealth("cpu", 1, ready, job=None, restarts=0)


def test_a_service_is_ready_while_one_of_its_workers_is(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = context_behind(client).runner
    none = runner.health()
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").status_code == 503  # it has no worker
    for states, code in (((False, True), 200), ((True, True), 200), ((False, False), 503)):
        found = replace(none, workers=tuple(worker(ready=state) for state in states))
        monkeypatch.setattr(runner, "health", lambda found=found: found)
        reply = client.get("/readyz")
        assert (reply.status_code, reply.json()["workers"], reply.json()["workers_wanted"]) == (code, sum(states), 2)


def test_prometheus_parses_the_metrics(client: TestClient) -> None:
    client.post("/v1/jobs", json=QUICK)
    for _ in range(3):
        client.post("/v1/jobs", json=QUICK)
    reply = client.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert samples["danqing_jobs_queued",] == 2
    assert samples["danqing_ready",] == 0  # it has no worker
    assert samples["danqing_jobs_rejected_total", "queue_full"] == 2
    assert samples["danqing_http_requests_total", "POST", "/v1/jobs", "202"] == 2
    assert {"danqing_queue_seconds_bucket", "danqing_painting_seconds_sum", "danqing_step_seconds_total"} <= {
        name for name, *_ in samples
    }


def test_unknown_paths_add_no_metrics(client: TestClient) -> None:
    for number in range(20):
        client.get(f"/nothing/{number}")
        client.get(f"/v1/jobs/{number}")
    assert "/nothing" not in client.get("/metrics").text
    assert 'route="/v1/jobs/{job_id}"' in client.get("/metrics").text
