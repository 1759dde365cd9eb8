"""The service below a path of a real nginx: redirects, job URLs, links, and the studio in a browser."""

import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.studio import BROWSER, chromium, open_studio, paint, wait_until_finished
from tests.serving import QUICK, make_home, serving

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx)")

CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location /danqing/ {{
      proxy_pass http://127.0.0.1:{target}{path};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      proxy_buffering off;
      {header}
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, target: int, path: str, header: str = "") -> Generator[str]:
    """Run nginx in front of a port; `path` is what it replaces the prefix with, empty to keep the prefix."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir()
    file = folder / "nginx.conf"
    file.write_text(CONFIG.format(folder=folder, port=port, target=target, path=path, header=header), "utf-8")
    assert NGINX is not None
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(file)], stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_the_service_works_below_a_path_behind_nginx(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    options = ("--root-path", "/danqing", "--proxy", "127.0.0.1")
    with serving(home, *options) as service:
        for number, path in enumerate(("/", "")):
            with nginx(tmp_path / str(number), service.port, path) as base, httpx.Client(trust_env=False) as client:
                start = client.get(f"{base}/danqing/")
                assert start.headers["Location"] == "/danqing/ui/"
                page = client.get(f"{base}/danqing/ui/")
                assert page.status_code == 200
                assert client.get(f"{base}/danqing/ui/main.js").status_code == 200
                body = {**QUICK, "prompts": None, "prompt": QUICK["prompts"], "response_format": "url"}
                reply = client.post(f"{base}/danqing/v1/images/generations", json=body, timeout=120)
                assert reply.status_code == 200, reply.text
                link = reply.json()["data"][0]["url"]
                assert link.startswith(f"{base.replace('http:', 'https:')}/danqing/v1/jobs/")
                assert client.get(link.replace("https:", "http:")).headers["Content-Type"] == "image/png"
                job = client.get(f"{base}/danqing/v1/jobs").json()["data"][0]
                assert client.get(base + job["pictures"][0]["url"]).status_code == 200
                assert "event: ended" in client.get(base + job["events"]).text


PREFIX = "proxy_set_header X-Forwarded-Prefix /danqing;"


def test_the_prefix_of_a_trusted_proxy_needs_no_option(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    with (
        serving(home, "--proxy", "127.0.0.1", painting=False) as service,
        nginx(tmp_path / "nginx", service.port, "/", PREFIX) as base,
        httpx.Client(base_url=base, trust_env=False, timeout=60) as client,
    ):
        assert client.get("/danqing/").headers["Location"] == "/danqing/ui/"
        assert client.get("/danqing/ui").headers["Location"] == "/danqing/ui/"
        job = client.post("/danqing/v1/jobs", json=QUICK)
        assert job.headers["Location"] == f"/danqing/v1/jobs/{job.json()['id']}"
        assert client.get(job.headers["Location"]).json()["id"] == job.json()["id"]
        with service.client() as direct:
            assert direct.get("/", headers={"X-Forwarded-Prefix": "//other.example"}).headers["Location"] == "/ui/"


def test_the_prefix_of_other_clients_is_ignored(tmp_path: Path) -> None:
    with serving(make_home(tmp_path / "home"), painting=False) as service, service.client() as client:
        reply = client.get("/", headers={"X-Forwarded-Prefix": "/other"})
        assert reply.headers["Location"] == "/ui/"


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")
@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_the_studio_paints_below_a_path(tmp_path: Path, locale: str) -> None:
    home = make_home(tmp_path / "home")
    with (
        serving(home, "--proxy", "127.0.0.1") as service,
        nginx(tmp_path / "nginx", service.port, "/", PREFIX) as base,
        chromium() as browser,
        open_studio(browser, f"{base}/danqing", locale=locale) as page,
    ):
        paint(page)
        wait_until_finished(page)
        page.reload()
        wait_until_finished(page)
        assert page.locator("#jobs img").count() == 1
