"""The service as a process: start, API keys, orderly shutdown, and PaddleHub's commands."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from danqing.zoo.catalog import MINI
from tests.e2e.test_command import needs_embedded
from tests.serving import MODEL, QUICK, Serving, make_home, serving

LONG = {**QUICK, "steps": 800, "display_rate": 100}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("service"))


def danqing(home: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "danqing", *words],
        env={**os.environ, "DANQING_HOME": str(home)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_submitted_job_is_painted_and_downloaded(server: Serving) -> None:
    with server.client() as client:
        where = client.post("/v1/jobs", json=QUICK).headers["Location"]
        events = client.get(f"{where}/events").text
        assert "event: previewed" in events
        assert "event: ended" in events
        png = client.get(f"{where}/pictures/0.png")
        assert png.content.startswith(b"\x89PNG")
        assert png.headers["Content-Type"] == "image/png"
        again = client.get(f"{where}/pictures/0.png", headers={"If-None-Match": png.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        step = json.loads(events.split("event: previewed\ndata: ")[1].split("\n")[0])
        assert client.get(step["url"]).headers["Content-Type"] == "image/png"


def test_an_event_stream_continues_after_last_event_id(server: Serving) -> None:
    with server.client() as client:
        where = client.post("/v1/jobs", json=QUICK).headers["Location"]
        whole = client.get(f"{where}/events").text
        rest = client.get(f"{where}/events", headers={"Last-Event-ID": "4"}).text
    assert "id: 4\n" in whole
    assert rest == whole[whole.index("id: 4\n") + len("id: 4\n\n") :]


def test_metrics_and_the_log_describe_the_service(server: Serving) -> None:
    with server.client() as client:
        assert client.get("/").headers["Location"].endswith("/ui/")
        client.get("/livez", headers={"X-Request-ID": "look-for-me"})
    server.wait_for_line("request_id", "look-for-me")


def test_a_public_address_requires_an_api_key(place: Path) -> None:
    refused = danqing(place, "serve", "--host", "0.0.0.0", "--port", "0", code=2)
    assert "danqing serve keys add" in refused.stderr


def test_keys_are_created_listed_and_revoked(place: Path) -> None:
    key = danqing(place, "serve", "keys", "add", "小明").stdout.strip()
    assert "小明" in danqing(place, "serve", "keys", "list").stdout
    with serving(place, "--host", "0.0.0.0", painting=False) as service:
        url = service.url.replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/v1/models").status_code == 401
            assert client.get("/livez").status_code == 200
            headers = {"Authorization": f"Bearer {key}"}
            assert client.get("/v1/models", headers=headers).status_code == 200
            danqing(place, "serve", "keys", "rm", "小明")
            assert client.get("/v1/models", headers=headers).status_code == 401
            assert client.get("/v1/models").status_code == 401
    assert "小明" not in danqing(place, "serve", "keys", "list").stdout


def test_sigterm_keeps_the_job_and_exits_with_0(place: Path) -> None:
    with serving(place, "--model", MODEL) as service, service.client() as client:
        job = client.post("/v1/jobs", json=LONG).json()
        heard: list[str] = []

        def listen() -> None:
            with service.client() as other, other.stream("GET", job["events"]) as reply:
                heard.extend(reply.iter_lines())

        listener = threading.Thread(target=listen)
        listener.start()
        while not any("stepped" in line for line in heard):
            listener.join(0.05)
        assert service.end(signal.SIGTERM) == 0
        listener.join(20)
        assert not listener.is_alive()
    assert "event: stopping" in heard
    with serving(place, "--model", MODEL, painting=False) as service, service.client() as client:
        assert client.get(f"/v1/jobs/{job['id']}").json()["state"] in ("queued", "painting")
        client.delete(f"/v1/jobs/{job['id']}")


def test_a_second_service_in_the_same_home_is_rejected(server: Serving) -> None:
    refused = danqing(server.home, "serve", "--port", "0", code=2)
    assert str(server.process.pid) in refused.stderr


def test_a_port_in_use_is_rejected(server: Serving, place: Path) -> None:
    assert "--port" in danqing(place, "serve", "--port", str(server.port), code=2).stderr


def test_hub_serving_starts_and_stops_the_service(place: Path) -> None:
    with serving(place, "-m", MODEL, "-p", "0", command=("hub", "serving", "start"), painting=False) as service:
        with service.client() as client:
            reply = client.post(f"/predict/{MODEL}", json={"text_prompts": "远山", "output_dir": "x"})
            assert reply.json()["status"] == "101"
        danqing(place, "hub", "serving", "stop", "-p", str(service.port))
        assert service.process.wait(20) == 0
    assert "没有" in danqing(place, "hub", "serving", "stop", "-p", str(service.port), code=2).stderr
    danqing(place, "hub", "serving", "start", code=2)


@needs_embedded
@pytest.mark.slow
def test_the_embedded_model_replaces_the_original_if_it_is_not_installed(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "-m", MODEL, "-p", "0", command=("hub", "serving", "start")) as service,
        service.client() as client,
    ):
        values = {"text_prompts": "孤舟蓑笠翁，独钓寒江雪。", "artist": "齐白石", "steps": 4, "seed": 7}
        answer = client.post(f"/predict/{MODEL}", json=values, timeout=300).json()
        assert (answer["status"], len(answer["results"]) > 10_000) == ("000", True)
        assert MINI in answer["msg"]
        assert client.get("/v1/models").json()["data"][0]["id"] == MINI


def test_open_starts_the_browser_with_the_studio(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, told = tmp_path / "browser", tmp_path / "told"
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}\n', encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    with serving(place, "--open") as service, service.client() as client:
        while not told.is_file() or not told.read_text("utf-8"):
            time.sleep(0.05)
        assert told.read_text("utf-8").strip() == f"{service.url}/ui/"
        assert client.get("/ui/").headers["Content-Type"].startswith("text/html")
        assert client.get("/").headers["Location"].endswith("/ui/")
