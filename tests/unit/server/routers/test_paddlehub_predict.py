"""Errors of PaddleHub's route, always with HTTP status 200. See tests/contract for its results."""

import pytest
from fastapi.testclient import TestClient

from tests.malicious_inputs import PATHS, SSRF
from tests.serving import MODEL, QUICK

pytestmark = pytest.mark.slow


def test_an_unknown_module_has_status_111(client: TestClient) -> None:
    reply = client.post("/predict/nothing", json={"text_prompts": "远山"})
    assert (reply.status_code, reply.json()["status"], reply.json()["results"]) == (200, "111", "")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"text_prompts=1", b'{"seed": NaN}', b"\xff"])
def test_invalid_json_has_status_112(client: TestClient, body: bytes) -> None:
    reply = client.post(f"/predict/{MODEL}", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["status"]) == (200, "112")


def test_a_form_has_status_112(client: TestClient) -> None:
    reply = client.post(f"/predict/{MODEL}", data={"text_prompts": "远山"})
    assert (reply.status_code, reply.json()["status"]) == (200, "112")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"text_prompts": ""},
        {"text_prompts": "远山", "output_dir": "out"},
        {"text_prompts": "远山", "output_dir": ""},
        {"text_prompts": "远山", "steps": 5000},
        {"text_prompts": "远山", "stpes": 5},
        {"text_prompts": "远山", "device": "cpu"},
        {"text_prompts": "远山", "use_gpu": "maybe"},
        {"text_prompts": "远山", "width_height": [4096, 4096]},
        {"text_prompts": "远山", "cut_overview": "__import__('os').system('id')"},
        {"text_prompts": "a\0b"},
    ],
)
def test_an_invalid_parameter_has_status_101(client: TestClient, values: dict[str, object]) -> None:
    reply = client.post(f"/predict/{MODEL}", json=values)
    assert (reply.status_code, reply.json()["status"], reply.json()["results"]) == (200, "101", "")
    assert client.get("/v1/jobs").json()["data"] == []


def test_paths_and_urls_as_init_image_are_rejected(client: TestClient) -> None:
    for source in (*PATHS, *SSRF):
        values = {"text_prompts": "远山", "init_image": source.format(port=1) if source in SSRF else source}
        reply = client.post(f"/predict/{MODEL}", json=values)
        assert (reply.status_code, reply.json()["status"]) == (200, "101"), source
    assert client.get("/v1/jobs").json()["data"] == []


def test_a_full_queue_has_status_101(client: TestClient) -> None:
    for _ in range(2):
        client.post("/v1/jobs", json=QUICK)
    reply = client.post(f"/predict/{MODEL}", json={"text_prompts": "远山"})
    assert (reply.status_code, reply.json()["status"]) == (200, "101")
