"""The security middleware: hosts, origins, content types, API keys and request IDs."""

import asyncio
import json
import logging

import httpx
import pytest
from fastapi.testclient import TestClient

from danqing.server.api_keys import ApiKeyStore
from danqing.server.middleware import PUBLIC_PATHS, host_name, is_loopback
from danqing.settings import Settings
from tests.serving import QUICK
from tests.unit.server.conftest import Make, context_behind


def code(reply: object) -> str:
    return json.loads(reply.text)["error"]["code"]  # type: ignore[attr-defined] # pyright: ignore


def test_a_key_is_required_once_one_exists(client: TestClient, settings: Settings) -> None:
    assert client.get("/v1/jobs").status_code == 200
    key = ApiKeyStore.from_settings(settings).add("a")
    for words in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {key}"},
        {"Authorization": f"Bearer {key}x"},
    ):
        reply = client.get("/v1/jobs", headers=words)
        assert (reply.status_code, code(reply)) == (401, "no_key")
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/v1/jobs", headers={"Authorization": f"bearer {key}"}).status_code == 200


def test_every_route_except_public_ones_requires_a_key(client: TestClient, settings: Settings) -> None:
    ApiKeyStore.from_settings(settings).add("a")
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            filled = path.replace("{job_id}", "649ad2a0-5628-48e8-b87c-71ed9eaea242").replace("{number}", "0")
            reply = client.request(method, filled.replace("{step}", "0").replace("{kind}", "png"))
            assert (reply.status_code == 401) == (path not in PUBLIC_PATHS), (method, path)
    assert client.get("/no/such/place").status_code == 401


def test_a_job_of_another_key_is_404(client: TestClient, settings: Settings) -> None:
    keys = ApiKeyStore.from_settings(settings)
    mine, yours = ({"Authorization": f"Bearer {keys.add(name)}"} for name in ("me", "you"))
    where = client.post("/v1/jobs", json=QUICK, headers=mine).headers["Location"]
    assert client.get(where, headers=mine).status_code == 200
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/resume"), ("GET", "/events"), ("GET", "/sheet.png")):
        assert client.request(method, where + path, headers=yours).status_code == 404
    assert client.get("/v1/jobs", headers=yours).json()["data"] == []


def test_a_foreign_host_is_rejected(make: Make) -> None:
    client = make(allowed_hosts=frozenset({"127.0.0.1", "paint.example"}))
    assert client.get("/livez").status_code == 200
    assert client.get("/livez", headers={"Host": "paint.example:443"}).status_code == 200
    for host in ("evil.example", "evil.example:8866", "127.0.0.1.evil.example", "", "[", "127.0.0.1@evil.example"):
        reply = client.get("/v1/jobs", headers={"Host": host})
        assert (reply.status_code, code(reply)) == (403, "foreign_host"), host


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/predict/x", "/v1/images/generations"])
def test_cross_site_requests_are_rejected(client: TestClient, path: str, headers: dict[str, str]) -> None:
    reply = client.post(path, json=QUICK, headers=headers)
    assert reply.status_code == 403


def test_same_origin_requests_are_accepted(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/jobs", json=QUICK, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/jsonx", ""],
)
def test_other_content_types_are_rejected(client: TestClient, kind: str) -> None:
    reply = client.post("/v1/jobs", content=json.dumps(QUICK), headers={"Content-Type": kind})
    assert (reply.status_code, code(reply)) == (415, "not_json")


def test_a_charset_in_the_content_type_is_accepted(client: TestClient) -> None:
    reply = client.post(
        "/v1/jobs", content=json.dumps(QUICK), headers={"Content-Type": "Application/JSON; charset=utf-8"}
    )
    assert reply.status_code == 202


def test_large_bodies_are_rejected(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    whole = client.post("/v1/jobs", content=b" " * (17 << 20), headers=headers)
    pieces = client.post("/v1/jobs", content=(b" " * (1 << 20) for _ in range(17)), headers=headers)
    other = client.request("GET", "/v1/jobs", content=b" " * (17 << 20))
    assert [reply.status_code for reply in (whole, pieces, other)] == [413, 413, 413]
    assert code(whole) == code(pieces) == "too_large"


def test_the_request_id_is_in_the_response_and_the_log(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "danqing.server.middleware")
    reply = client.get("/v1/jobs/1", headers={"X-Request-ID": "mine-1"})
    assert reply.headers["X-Request-ID"] == reply.json()["error"]["request_id"] == "mine-1"
    assert [record.__dict__["request_id"] for record in caplog.records] == ["mine-1"]
    drawn = client.get("/livez", headers={"X-Request-ID": "not a\tnumber"}).headers["X-Request-ID"]
    assert len(drawn) == 16


def test_an_internal_error_reveals_only_the_request_id(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a secret of the program")

    monkeypatch.setattr(type(context_behind(client).runner), "health", fail)
    reply = client.get("/readyz")
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert reply.json()["error"]["request_id"] == reply.headers["X-Request-ID"]
    assert "a secret of the program" in caplog.text


def test_all_responses_have_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/livez", "/v1/jobs", "/nothing"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "::1", "[::1]"])
def test_loopback_addresses_are_recognised(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "localhost.example"])
def test_other_addresses_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("header", "name"),
    [("127.0.0.1:8866", "127.0.0.1"), ("[::1]:1", "::1"), ("Localhost.", "localhost"), ("[", ""), ("", "")],
)
def test_the_host_name_is_read_from_the_header(header: str, name: str) -> None:
    assert host_name(header) == name


def test_probes_are_answered_before_requests_that_wait_for_their_turn(client: TestClient) -> None:
    async def call() -> list[int]:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as caller:
            async with context_behind(client).turns:
                waiting = asyncio.create_task(caller.get("/v1/unknown"))
                probes = [(await caller.get(path)).status_code for path in ("/livez", "/readyz")]
                assert not waiting.done()
            return [*probes, (await waiting).status_code]

    assert asyncio.run(call()) == [200, 503, 404]  # it has no worker
