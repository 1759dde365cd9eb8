"""Pictures of earlier jobs as sources of new ones, and branches, without workers."""

import base64
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from danqing.server.api_keys import ApiKeyStore
from danqing.server.limits import Limits
from danqing.settings import Settings
from tests.made_font import make_font
from tests.serving import QUICK
from tests.unit.server.conftest import Make, context_behind

pytestmark = pytest.mark.slow


def finished_picture(client: TestClient, headers: dict[str, str]) -> tuple[str, Path]:
    """The path of a picture of a job, and its file, as a worker writes it."""
    id = client.post("/v1/jobs", json=QUICK, headers=headers).json()["id"]
    file = context_behind(client).runner.get(id).folder / "000.png"
    file.parent.mkdir(parents=True)
    Image.new("RGB", (128, 64), "teal").save(file)
    client.delete(f"/v1/jobs/{id}", headers=headers)
    return f"/v1/jobs/{id}/pictures/0.png", file


@pytest.fixture
def keys(settings: Settings) -> list[dict[str, str]]:
    store = ApiKeyStore.from_settings(settings)
    return [{"Authorization": f"Bearer {store.add(name)}"} for name in ("a", "b")]


def test_a_picture_of_a_job_is_the_initial_image_of_another(client: TestClient, keys: list[dict[str, str]]) -> None:
    path, file = finished_picture(client, keys[0])
    body: dict[str, Any] = {"prompts": "雪山", "init_image": path, "strength": 0, "upscale": 1}
    job = client.post("/v1/jobs", json=body, headers=keys[0]).json()
    assert job["request"]["size"] == [128, 64]
    start = client.get(job["start"], headers=keys[0])
    assert start.content == file.read_bytes()


@pytest.mark.parametrize("name", ["init_image", "like", "mask", "seal"])
def test_a_picture_of_another_key_does_not_exist(client: TestClient, keys: list[dict[str, str]], name: str) -> None:
    path, file = finished_picture(client, keys[0])
    own = f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
    body = {"prompts": "雪山", "init_image": own, name: path}
    assert client.post("/v1/jobs", json=body, headers=keys[1]).status_code == 404
    body[name] = path.replace("/0.png", "/1.png")
    reply = client.post("/v1/jobs", json=body, headers=keys[0])
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


def test_the_picture_of_a_seal_is_kept_and_used_again(client: TestClient, settings: Settings) -> None:
    settings.fonts.mkdir(parents=True)
    make_font(settings.fonts / "ma-shan-zheng.ttf")
    _, file = finished_picture(client, {})
    uri = f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"
    job = client.post("/v1/jobs", json={**QUICK, "seal": uri}).json()
    assert "seal" not in job["request"]
    assert client.get(job["seal"]).content == file.read_bytes()
    again = client.post("/v1/jobs", json={**QUICK, "seal": job["seal"]}).json()
    assert client.get(again["seal"]).content == file.read_bytes()
    client.delete(f"/v1/jobs/{again['id']}")
    plain = client.post("/v1/jobs", json={**QUICK, "seal": "丹青"}).json()
    assert plain["seal"] is None
    assert plain["request"]["seal"] == "丹青"
    assert client.post("/v1/jobs", json={**QUICK, "seal": f"/v1/jobs/{plain['id']}/seal"}).status_code == 404


def test_a_seal_is_never_read_from_the_disk_of_the_service(client: TestClient) -> None:
    _, file = finished_picture(client, {})
    bad = base64.b64encode(b"no picture").decode()
    for seal in (str(file), file.as_uri(), f"{file.name}", "../000.png", "C:\\000.png", f"data:image/png;base64,{bad}"):
        for path, body in (("jobs", QUICK), ("images/generations", {"prompt": "雪山", "size": "64x64"})):
            reply = client.post(f"/v1/{path}", json={**body, "seal": seal})
            assert reply.status_code in (400, 422), seal
            assert reply.json()["error"]["param"] == "seal"


@pytest.mark.parametrize("path", ["/v1/jobs/x/pictures/0.png", "/v1/jobs/{id}/../{id}/000.png", "/etc/v1/jobs/a.png"])
def test_other_paths_are_no_pictures(client: TestClient, path: str) -> None:
    url, _ = finished_picture(client, {})
    body = {"prompts": "雪山", "init_image": path.format(id=url.split("/")[3])}
    assert client.post("/v1/jobs", json=body).status_code == 422


@pytest.mark.parametrize(
    ("branch", "status"),
    [("last@3", 422), ("{id}", 422), ("{id}/../x@3", 422), ("{id}@3", 404), ("{other}@3", 404)],
)
def test_a_branch_needs_a_job_that_has_begun(client: TestClient, branch: str, status: int) -> None:
    id = client.post("/v1/jobs", json=QUICK).json()["id"]
    text = branch.format(id=id, other="00000000-0000-0000-0000-000000000000")
    assert client.post("/v1/jobs", json={"prompts": "雪山", "branch": text}).status_code == status


def test_states_that_take_too_much_space_are_not_stored(make: Make) -> None:
    client = make(limits=Limits(state_bytes=64 * 64 * 36 * 3))
    body = {**QUICK, "save": ["steps"], "display_rate": 1, "steps": 6}
    reply = client.post("/v1/jobs", json=body, headers={"Accept-Language": "en"})
    assert reply.status_code == 422
    assert "Raise display_rate to 2." in reply.json()["error"]["message"]
    assert client.post("/v1/jobs", json={**body, "display_rate": 2}).status_code == 202


def test_an_enlarged_picture_may_be_larger_than_the_canvas(make: Make) -> None:
    client = make(limits=Limits(pixels=64 * 64, enlarged_pixels=128 * 128))
    for upscale, size, status in ((1, "128x128", 422), (2, "128x128", 202), (4, "256x256", 422)):
        body = {**QUICK, "size": size, "upscale": upscale}
        assert client.post("/v1/jobs", json=body).status_code == status
