"""The Python client against a real service."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

import danqing
from danqing.client import Client
from danqing.errors import DanqingError, InvalidRequest, JobNotFound, ModelNotFound
from danqing.pipeline import Pipeline
from tests.serving import MODEL, QUICK, Serving

SMALL = {name: value for name, value in QUICK.items() if name != "prompts"}


@pytest.fixture(scope="module")
def client(server: Serving) -> Iterator[Client]:
    with Client(server.url) as made:
        yield made


def test_create_returns_the_same_pictures_as_the_library(client: Client, tiny_pipeline: Pipeline) -> None:
    there = client.create("远山", seed=7, **SMALL)  # type: ignore[arg-type] # pyright: ignore
    here = danqing.create("远山", seed=7, out=None, pipeline=tiny_pipeline, **SMALL)  # type: ignore[arg-type] # pyright: ignore
    assert (there.model, len(there), there[0].seed) == (MODEL, 1, 7)
    assert [preview.step for preview in there[0].previews] == [preview.step for preview in here[0].previews]
    assert there[0].image.tobytes() == here[0].image.tobytes()


def test_stream_yields_the_events_of_the_library(client: Client) -> None:
    events = list(client.stream("远山", **SMALL))  # type: ignore[arg-type] # pyright: ignore
    assert [event.type for event in events if event.type in ("started", "completed")] == ["started", "completed"]
    assert sum(event.type == "stepped" for event in events) == 6
    assert all(event.image is not None for event in events if event.type == "previewed")


def test_closing_a_stream_cancels_the_job(client: Client) -> None:
    stream = client.stream("远山", **{**SMALL, "steps": 500})  # type: ignore[arg-type] # pyright: ignore
    next(stream)
    stream.close()  # type: ignore[attr-defined] # pyright: ignore
    with pytest.raises(DanqingError, match="取消"):
        list(client.follow(client.jobs(limit=1)[0].id))
    assert client.jobs(limit=1)[0].state == "cancelled"


def test_a_job_is_followed_and_its_files_downloaded(client: Client) -> None:
    id = str(uuid4())
    job = client.submit("远山", id=id, **SMALL)  # type: ignore[arg-type] # pyright: ignore
    assert job.id == client.submit("远山", id=id, **SMALL).id == id  # type: ignore[arg-type] # pyright: ignore
    list(client.follow(id))
    job = client.job(id)
    assert (job.state, job.progress) == ("finished", 1)
    png = client.file(job.pictures[0].url)
    assert "danqing" in Image.open(io.BytesIO(png)).info
    assert client.file(job.animations[0]).startswith(b"GIF")
    assert client.file(job.pictures[0].url) == png
    client.forget(id)
    with pytest.raises(JobNotFound):
        client.job(id)


def test_the_request_of_a_job_reproduces_its_picture(client: Client, server: Serving) -> None:
    id = client.submit("远山", **SMALL).id  # type: ignore[arg-type] # pyright: ignore
    list(client.follow(id))
    view = client.job(id)
    with server.client() as plain:
        again = plain.post("/v1/jobs", json=view.request).json()["id"]
    list(client.follow(again))
    digests = {hashlib.sha256(client.file(client.job(job).pictures[0].url)).hexdigest() for job in (id, again)}
    assert len(digests) == 1


def test_an_init_image_is_a_file_of_the_client(client: Client, tmp_path: Path) -> None:
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(tmp_path / "start.png")
    more = {"init_image": str(tmp_path / "start.png"), "init_scale": 0, "skip_steps": 3}
    assert client.create("远山", **SMALL, **more)[0].image.size == (64, 64)  # type: ignore[arg-type] # pyright: ignore
    with pytest.raises(InvalidRequest, match=r"nowhere\.png"):
        client.create("远山", init_image="nowhere.png")


def test_errors_are_exceptions_of_the_library(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.create("远山", size="65x64")
    assert caught.value.field == "size"
    with pytest.raises(ModelNotFound):
        client.create("远山", model="nothing")
    with pytest.raises(JobNotFound):
        client.job(str(uuid4()))
    with Client("http://127.0.0.1:9") as nowhere, pytest.raises(DanqingError, match="danqing serve"):
        nowhere.models()


def test_models_are_listed(client: Client) -> None:
    assert client.models() == (MODEL,)
