"""Health probes and metrics."""

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from tests.serving import QUICK


def test_a_running_service_is_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").json()["ready"] is True


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
    assert samples["danqing_ready",] == 1
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
