"""Pictures of the service that are changed by further jobs: varied, branched and enlarged, by real workers."""

import io
from typing import Any

import pytest
from PIL import Image

from danqing.client import Client
from tests.serving import QUICK, Serving
from tests.tiny_upscaler import install_tiny_upscaler, tiny_upscaler

STORED: dict[str, Any] = {**QUICK, "save": ["previews", "steps"], "n_batches": 2, "seed": 7}


def paint(server: Serving, **body: Any) -> dict[str, Any]:
    """A job after it has ended."""
    with server.client() as client:
        reply = client.post("/v1/jobs", json=body)
        assert reply.status_code == 202, reply.text
        client.get(reply.json()["events"])
        job = client.get(f"/v1/jobs/{reply.json()['id']}").json()
    assert job["state"] == "finished", job
    return job


def pixels(server: Serving, url: str) -> Image.Image:
    with server.client() as client:
        return Image.open(io.BytesIO(client.get(url).content)).convert("RGB")


@pytest.fixture(scope="module")
def parent(server: Serving) -> dict[str, Any]:
    return paint(server, **STORED)


def test_a_branch_without_changes_is_the_same_picture(server: Serving, parent: dict[str, Any]) -> None:
    picture = parent["pictures"][1]
    assert picture["steps"] == [0, 2, 4]
    branch = paint(server, prompts=QUICK["prompts"], branch=f"{parent['id']}/1@2")
    (same,) = branch["pictures"]
    assert same["seed"] == picture["seed"]
    assert pixels(server, same["url"]).tobytes() == pixels(server, picture["url"]).tobytes()
    assert branch["request"]["branch"] == f"{parent['id']}/001@2"


def test_a_branch_with_another_prompt_is_another_picture(server: Serving, parent: dict[str, Any]) -> None:
    branch = paint(server, prompts="雪山", branch=f"{parent['id']}@0", seed=9)
    assert branch["request"]["steps"] == QUICK["steps"]
    other = pixels(server, branch["pictures"][0]["url"])
    assert other.tobytes() != pixels(server, parent["pictures"][0]["url"]).tobytes()


@pytest.mark.parametrize(("changes", "field"), [({"branch": "{id}@1"}, "branch"), ({"steps": 5}, "steps")])
def test_what_cannot_be_branched_is_reported_at_once(
    server: Serving, parent: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    body = {"prompts": "雪山", "branch": "{id}@2", **changes}
    body["branch"] = body["branch"].format(id=parent["id"])
    with server.client() as client:
        error = client.post("/v1/jobs", json=body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_value", field)


def test_a_finished_picture_is_enlarged_without_painting(server: Serving, parent: dict[str, Any]) -> None:
    install_tiny_upscaler(server.home)
    url = parent["pictures"][0]["url"]
    job = paint(server, prompts=QUICK["prompts"], init_image=url, strength=0, upscale=4)
    painted, enlarged = (pixels(server, source) for source in (url, job["pictures"][0]["url"]))
    assert enlarged.tobytes() == tiny_upscaler().run(painted, 4).tobytes()
    assert (job["steps"], job["progress"], job["animations"]) == (0, 1, [])


def test_the_client_varies_a_picture_by_its_path(server: Serving, parent: dict[str, Any]) -> None:
    url = parent["pictures"][0]["url"]
    small = {name: QUICK[name] for name in ("steps", "cutn_batches", "cut_overview", "cut_innercut")}
    with Client(server.url) as client:
        varied = client.create("雪山", init_image=url, strength=0.4, **small)  # pyright: ignore[reportArgumentType]
    assert varied[0].image.size == (64, 64)
    assert varied[0].image.tobytes() != pixels(server, url).tobytes()
