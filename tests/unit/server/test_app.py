"""The application: unknown paths and methods."""

import pytest
from fastapi.testclient import TestClient


def test_an_unknown_path_is_404(client: TestClient) -> None:
    reply = client.get("/v1/nothing")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/v1/models", "GET, HEAD"), ("PUT", "/v1/jobs", "GET, HEAD, POST"), ("GET", "/predict/x", "POST")],
)
def test_a_method_that_is_not_allowed_is_405_with_the_allowed_ones(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["Allow"]) == (405, allowed)


def test_documentation_pages_with_foreign_scripts_are_disabled(client: TestClient) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]


def test_routes_are_prepared_before_the_first_request(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise AssertionError("takes too long for the event loop")

    monkeypatch.setattr("fastapi.routing.create_model_field", late)
    assert client.get("/v1/unknown").status_code == 404
    assert client.get("/v1/jobs").status_code == 200
