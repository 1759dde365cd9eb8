"""The small page of our own."""

import re

from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from danqing.server.api_keys import Keyring
from danqing.server.dependencies import Mount
from danqing.settings import Settings
from tests.serving import MODEL
from tests.unit.server.conftest import Make


def test_the_page_says_what_runs_and_loads_nothing(client: TestClient) -> None:
    reply = client.get("/")
    assert MODEL in reply.text
    assert "http://127.0.0.1/predict/" in reply.text
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<img|<link|src=|url\(|@import", reply.text)


def test_the_page_shows_the_key_once_there_is_one(client: TestClient, settings: Settings) -> None:
    assert "Bearer" not in client.get("/").text
    Keyring.of(settings).add("a")
    assert "Bearer KEY" in client.get("/").text


def test_a_host_cannot_write_into_the_page(client: TestClient) -> None:
    assert "<script>" not in client.get("/", headers={"Host": "<script>"}).text


def test_a_studio_can_be_mounted_behind_the_same_gate(make: Make, settings: Settings) -> None:
    def show(_: Request) -> PlainTextResponse:
        return PlainTextResponse("studio")

    studio = Starlette(routes=[Route("/", show)])
    client = make(mounts=(Mount("/ui", "画室 Studio", studio),))
    assert client.get("/ui/").text == "studio"
    assert 'href="/ui/"' in client.get("/").text
    assert client.get("/ui", follow_redirects=False).headers["Location"] == "/ui/"
    Keyring.of(settings).add("a")
    assert client.get("/ui/").status_code == 401


def test_an_open_studio_needs_no_key_and_nothing_else_is_open(make: Make, settings: Settings) -> None:
    def show(_: Request) -> PlainTextResponse:
        return PlainTextResponse("studio")

    studio = Starlette(routes=[Route("/", show)])
    client = make(mounts=(Mount("/ui", "画室 Studio", studio, open=True),))
    Keyring.of(settings).add("a")
    assert client.get("/ui").text == client.get("/ui/").text == "studio"
    for path in ("/v1/jobs", "/uix", "/ui/../v1/jobs", "/metrics"):
        assert client.get(path).status_code == 401, path
