"""The application as a whole: unknown addresses and methods."""

import pytest
from fastapi.testclient import TestClient


def test_an_unknown_address(client: TestClient) -> None:
    reply = client.get("/v1/nothing")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/v1/models", "GET, HEAD"), ("PUT", "/v1/jobs", "GET, HEAD, POST"), ("GET", "/predict/x", "POST")],
)
def test_another_method_is_told_which_is_allowed(client: TestClient, method: str, path: str, allowed: str) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.headers["Allow"]) == (405, allowed)


def test_there_are_no_pages_that_load_scripts_from_elsewhere(client: TestClient) -> None:
    assert [client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]
