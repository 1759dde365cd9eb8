"""Files are found by id and numbers; nothing else in the folder, and nothing outside it, can be had."""

import base64
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from danqing.settings import Settings
from tests.hostile import PATHS
from tests.serving import QUICK


@pytest.fixture
def where(client: TestClient, settings: Settings) -> str:
    """A job whose folder holds a picture, though nobody painted it."""
    job = client.post("/v1/jobs", json=QUICK).json()
    folder = settings.service / "jobs" / job["id"]
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / "000.png")
    (folder / "request.yaml").write_text("a secret", "utf-8")
    (settings.home / "secret.png").write_text("a secret", "utf-8")
    (folder / "001.png").symlink_to(settings.home / "secret.png")
    (folder / "002.png").symlink_to(Path("/etc/passwd"))
    return f"/v1/jobs/{job['id']}"


def test_a_picture_and_its_tag(client: TestClient, where: str) -> None:
    reply = client.get(f"{where}/pictures/0.png")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "image/png")
    assert reply.headers["Cache-Control"] == "private, no-cache"
    tag = reply.headers["ETag"]
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = client.get(f"{where}/pictures/0.png", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert client.get(f"{where}/pictures/0.png", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("name", ["pictures/1.png", "pictures/2.png", "pictures/3.png", "pictures/0.gif", "sheet.png"])
def test_links_and_what_is_missing_are_not_there(client: TestClient, where: str, name: str) -> None:
    reply = client.get(f"{where}/{name}")
    assert reply.status_code == 404
    assert "secret" not in reply.text


def test_the_picture_that_a_job_starts_from(client: TestClient, where: str) -> None:
    assert client.get(where).json()["start"] is None
    assert client.get(f"{where}/start").status_code == 404
    client.delete(where)
    data = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(data, "webp")
    given = base64.b64encode(data.getvalue()).decode()
    job = client.post("/v1/jobs", json={**QUICK, "init_image": given}).json()
    reply = client.get(job["start"])
    assert (reply.content, reply.headers["Content-Type"]) == (data.getvalue(), "image/webp")
    assert client.get(job["start"], headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304


def test_nothing_else_is_had(client: TestClient, where: str) -> None:
    for path in PATHS:
        for place in (f"{where}/pictures/{path}", f"{where}/{path}", f"{where}/previews/0/{path}"):
            reply = client.get(place.replace("\0", "%00"))
            assert reply.status_code < 500, place
            assert b"secret" not in reply.content, place
            assert b"root:" not in reply.content, place
