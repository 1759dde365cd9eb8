"""Files of a job are found by ID and number; no other file can be read."""

import base64
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from danqing.provenance.file_label import read_label
from danqing.settings import Settings
from tests.malicious_inputs import PATHS
from tests.serving import QUICK

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_a_picture_in_another_format(client: TestClient, where: str, kind: str) -> None:
    reply = client.get(f"{where}/pictures/0.png", params={"format": kind})
    assert reply.headers["Content-Type"] == f"image/{kind}"
    with Image.open(io.BytesIO(reply.content)) as image:
        assert (image.format, image.size) == (kind.upper(), (8, 8))
    label = read_label(reply.content).label
    assert label is not None
    assert label.complete
    assert client.get(f"{where}/pictures/1.png", params={"format": kind}).status_code == 404
    assert client.get(f"{where}/pictures/0.png", params={"format": "bmp"}).status_code == 422


def test_an_image_has_an_etag(client: TestClient, where: str) -> None:
    reply = client.get(f"{where}/pictures/0.png")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "image/png")
    assert reply.headers["Cache-Control"] == "private, no-cache"
    tag = reply.headers["ETag"]
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = client.get(f"{where}/pictures/0.png", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert client.get(f"{where}/pictures/0.png", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("name", ["pictures/1.png", "pictures/2.png", "pictures/3.png", "pictures/0.gif", "sheet.png"])
def test_symbolic_links_and_missing_files_are_404(client: TestClient, where: str, name: str) -> None:
    reply = client.get(f"{where}/{name}")
    assert reply.status_code == 404
    assert "secret" not in reply.text


def test_the_init_image_is_returned_unchanged(client: TestClient, where: str) -> None:
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


def test_other_paths_are_404(client: TestClient, where: str) -> None:
    for path in PATHS:
        for place in (f"{where}/pictures/{path}", f"{where}/{path}", f"{where}/previews/0/{path}"):
            reply = client.get(place.replace("\0", "%00"))
            assert reply.status_code < 500, place
            assert b"secret" not in reply.content, place
            assert b"root:" not in reply.content, place


def test_a_thumbnail_is_the_picture_or_the_newest_preview(client: TestClient, settings: Settings, where: str) -> None:
    folder = settings.service / "jobs" / where.rpartition("/")[2]
    Image.new("RGB", (640, 320), "red").save(folder / "000.png")
    reply = client.get(f"{where}/thumbnail.webp?side=160")
    with Image.open(io.BytesIO(reply.content)) as image:
        assert (image.format, image.size) == ("WEBP", (160, 80))
        assert image.getpixel((80, 40))[0] > 200  # pyright: ignore
    label = read_label(reply.content).label
    assert label is not None
    known = {"If-None-Match": reply.headers["ETag"]}
    assert client.get(f"{where}/thumbnail.webp?side=160", headers=known).status_code == 304
    assert client.get(f"{where}/thumbnail.webp?side=9999").status_code == 422
    (folder / "000.png").unlink()
    (folder / "001.png").unlink()
    (folder / "002.png").unlink()
    assert client.get(f"{where}/thumbnail.webp").status_code == 404
    (folder / "000").mkdir()
    for step, colour in ((2, "red"), (10, "blue")):
        Image.new("RGB", (64, 64), colour).save(folder / "000" / f"step-{step:04d}.png")
    with Image.open(io.BytesIO(client.get(f"{where}/thumbnail.webp").content)) as image:
        assert image.getpixel((9, 9))[2] > 200  # pyright: ignore


def test_pictures_are_deleted_from_finished_jobs_only(client: TestClient, where: str) -> None:
    reply = client.delete(f"{where}/pictures/0.png")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "conflict")
    assert client.get(f"{where}/pictures/0.png").status_code == 200


def test_the_mask_is_returned_as_it_was_uploaded(client: TestClient) -> None:
    buffer = io.BytesIO()
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    mask.save(buffer, "PNG")
    uri = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    job = client.post("/v1/jobs", json={**QUICK, "init_image": uri, "mask": uri}).json()
    reply = client.get(job["mask"])
    assert (reply.content, reply.headers["Content-Type"]) == (buffer.getvalue(), "image/png")
    other = client.post("/v1/jobs", json=QUICK).json()
    assert other["mask"] is None
    assert client.get(f"/v1/jobs/{other['id']}/mask").status_code == 404
