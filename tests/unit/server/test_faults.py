"""Requests of real clients that used to fail: HEAD, retries, proxies, OpenAI's values, long values and foreign IDs."""

import json
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from openai.types import ImageCreateVariationParams, ImageModel
from openai.types.image_edit_params import ImageEditParamsNonStreaming
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming

from danqing.jobs import NumberedEvent
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.results import run_layout
from danqing.server.api_keys import ApiKeyStore
from danqing.server.limits import Limits
from danqing.server.openai_edit_schema import EditRequest, VariationRequest
from danqing.server.openai_schema import ImagesRequest
from danqing.server.retries import RETRY_SECONDS, Retry
from danqing.server.routers.openai_images import queue_generation
from danqing.settings import Settings, from_env
from danqing.zoo.catalog import MINI, models
from tests.serving import QUICK
from tests.unit.server.conftest import Make, context_behind

pytestmark = pytest.mark.slow


def literals(hint: object) -> list[object]:
    """Return all values of the literals in a type."""
    if typing.get_origin(hint) is typing.Literal:
        return list(typing.get_args(hint))
    return [value for part in typing.get_args(hint) for value in literals(part)]


HINTS = typing.get_type_hints(ImageGenerateParamsNonStreaming, include_extras=False)
UNSUPPORTED = {("output_format", "gif"), ("output_format", "svg")}
"""Formats that cannot be produced; they are rejected with the supported ones."""
DOCUMENTED = [
    (field, value)
    for field in ("background", "complexity", "moderation", "output_format", "quality", "response_format", "style")
    for value in literals(HINTS[field])
    if (field, value) not in UNSUPPORTED
]


@pytest.mark.parametrize(("field", "value"), DOCUMENTED)
def test_every_documented_value_of_openais_client_is_accepted(field: str, value: object) -> None:
    images = ImagesRequest.model_validate({"prompt": "远山", field: value})
    assert getattr(images, field) == value
    assert images.to_request().style is None


@pytest.mark.parametrize("size", literals(HINTS["size"]))
def test_every_documented_size_of_openais_client_is_accepted(size: str) -> None:
    request = ImagesRequest(prompt="远山", size=size).to_request()
    complete = request.with_defaults(models()[MINI].defaults_for(request))
    Limits().check(complete, from_env({}))
    assert size in ("auto", "x".join(map(str, complete.size)))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (kind, field, value)
        for kind, parameters in (
            (EditRequest, ImageEditParamsNonStreaming),
            (VariationRequest, ImageCreateVariationParams),
        )
        for field, hint in typing.get_type_hints(parameters).items()
        for value in literals(hint)
        if (field, value) not in UNSUPPORTED
    ],
)
def test_every_documented_value_of_an_edit_is_accepted(kind: type[EditRequest], field: str, value: object) -> None:
    edit = kind.model_validate({"prompt": "远山", field: str(value)})  # the fields of a form are texts
    assert getattr(edit, field) == value
    edit.to_request()


@pytest.mark.parametrize("model", literals(ImageModel))
def test_openais_model_names_select_the_default(model: str) -> None:
    assert ImagesRequest(prompt="远山", model=model).to_request().model == "auto"


def test_a_single_model_can_be_retrieved(client: TestClient) -> None:
    name = client.get("/v1/models").json()["data"][0]["id"]
    assert client.get(f"/v1/models/{name}").json()["id"] == name
    assert client.get("/v1/models/nothing").status_code == 404


def test_multipart_to_an_unknown_path_is_404(client: TestClient) -> None:
    assert client.post("/v1/images/nothing", files={"image": b"x"}).status_code == 404
    assert client.post("/v1/jobs", files={"image": b"x"}).status_code == 415


def test_an_idempotency_key_creates_one_job(client: TestClient) -> None:
    headers = {"Idempotency-Key": "a"}
    first, second = (client.post("/v1/jobs", json=QUICK, headers=headers).json()["id"] for _ in range(2))
    assert first == second
    assert client.post("/v1/jobs", json=QUICK, headers={"Idempotency-Key": "b"}).json()["id"] != first


def test_a_marked_retry_gets_the_job_of_the_first_call(client: TestClient) -> None:
    first = client.post("/v1/jobs", json=QUICK, headers={"x-stainless-retry-count": "0"}).json()["id"]
    again = client.post("/v1/jobs", json=QUICK, headers={"x-stainless-retry-count": "1"}).json()["id"]
    assert first == again
    assert client.post("/v1/jobs", json=QUICK, headers={"x-stainless-retry-count": "0"}).json()["id"] != first


def test_a_retry_of_openais_client_gets_the_job_of_the_first_call(client: TestClient) -> None:
    images = ImagesRequest(prompt="远山", size="64x64")
    ids = [
        queue_generation(images, context_behind(client), "", Retry(None, seconds)).job.id
        for seconds in (0.0, RETRY_SECONDS)
    ]
    assert len(set(ids)) == 1


def test_a_stored_request_of_another_version_spoils_no_list(client: TestClient, settings: Settings) -> None:
    old, good = (client.post("/v1/jobs", json=QUICK).json()["id"] for _ in range(2))
    database = SqliteDatabase(settings.service)
    change = "UPDATE jobs SET request = json_set(request, '$.steps', -1, '$.removed_field', 1) WHERE id = ?"
    database.transaction(lambda rows: rows.execute(change, (old,)))
    database.close()
    assert [job["id"] for job in client.get("/v1/jobs").json()["data"]] == [good, old]
    assert client.get(f"/v1/jobs/{old}").json()["request"]["steps"] == -1
    assert client.delete(f"/v1/jobs/{old}").json()["state"] == "cancelled"


def test_the_events_of_a_job_that_another_client_deletes_end(client: TestClient) -> None:
    job = client.post("/v1/jobs", json=QUICK).json()
    runner = context_behind(client).runner
    events = runner.events

    def read_then_delete(id: str, **options: Any) -> Iterator[NumberedEvent | None]:
        """The job is deleted after the first look at its events."""
        found = next(events(id, **options))
        runner.cancel(id)
        runner.delete(id)
        yield found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "events", read_then_delete)
        reply = client.get(job["events"])
    kind, data = reply.text.strip().splitlines()[-2:]
    assert (reply.status_code, kind) == (200, "event: ended")
    assert json.loads(data.removeprefix("data: "))["state"] == "cancelled"


@pytest.mark.parametrize("path", ["/livez", "/v1/jobs", "/v1/models", "/openapi.json"])
def test_head_has_the_headers_of_get(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_head_of_an_event_stream_ends(client: TestClient) -> None:
    job = client.post("/v1/jobs", json=QUICK).json()
    assert client.head(job["events"]).status_code == 200


def finished_file(client: TestClient, data: bytes = b"0123456789") -> str:
    """Queue a job and write a file as its first image; returns the URL of the image."""
    job = client.post("/v1/jobs", json=QUICK).json()
    folder = context_behind(client).runner.get(job["id"]).folder
    file = folder / run_layout.picture_file(0, "png")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return f"/v1/jobs/{job['id']}/pictures/0.png"


def test_a_range_of_a_file_is_sent(client: TestClient) -> None:
    reply = client.get(finished_file(client), headers={"Range": "bytes=2-4"})
    assert (reply.status_code, reply.content) == (206, b"234")
    assert reply.headers["Content-Range"] == "bytes 2-4/10"


def test_a_signed_link_needs_no_key(client: TestClient, settings: Settings) -> None:
    path = finished_file(client)
    ApiKeyStore.from_settings(settings).add("a")
    assert client.get(path).status_code == 401
    link = context_behind(client).links.sign(path)
    assert client.get(link).content == b"0123456789"
    assert client.get(link.replace("signature=", "signature=0")).status_code == 401
    assert client.delete(link).status_code == 401


@pytest.mark.parametrize("sent", ["", "/danqing"])  # with and without the prefix removed by the proxy
def test_below_a_path_all_links_have_the_prefix(make: Make, sent: str) -> None:
    client = make(root_path="/danqing")
    job = client.post(f"{sent}/v1/jobs", json=QUICK)
    assert job.headers["Location"].startswith("/danqing/v1/jobs/")
    assert job.json()["events"].startswith("/danqing/v1/jobs/")
    assert client.get(job.json()["events"].removesuffix("/events")).json()["id"] == job.json()["id"]
    assert client.get(f"{sent}/", follow_redirects=False).headers["Location"].startswith("/danqing/")
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/danqing"}]


def test_the_key_is_optional_in_the_document_until_there_is_one(client: TestClient, settings: Settings) -> None:
    def security() -> object:
        return client.get("/openapi.json").json()["paths"]["/v1/jobs"]["post"]["security"]

    assert security() == [{}, {"HTTPBearer": []}]
    ApiKeyStore.from_settings(settings).add("a")
    assert security() == [{"HTTPBearer": []}]


def test_foreign_jobs_look_like_unknown_ones(client: TestClient, settings: Settings) -> None:
    keys = ApiKeyStore.from_settings(settings)
    mine, other = ({"Authorization": f"Bearer {keys.add(name)}"} for name in ("a", "b"))
    id = client.post("/v1/jobs", json=QUICK, headers=mine).json()["id"]
    for template in ("/v1/jobs/{}", "/v1/jobs/{}/events", "/v1/jobs/{}/pictures/0.png", "/v1/jobs?before={}"):
        unknown = str(uuid4())
        foreign = client.get(template.format(id), headers=other)
        nothing = client.get(template.format(unknown), headers=other)
        assert foreign.status_code == nothing.status_code == 404
        messages = [reply.json()["error"]["message"] for reply in (foreign, nothing)]
        assert messages[0].replace(id, "") == messages[1].replace(unknown, "")


def test_the_id_of_a_foreign_job_can_be_used(client: TestClient, settings: Settings) -> None:
    keys = ApiKeyStore.from_settings(settings)
    mine, other = ({"Authorization": f"Bearer {keys.add(name)}"} for name in ("a", "b"))
    body = {**QUICK, "id": str(uuid4())}
    assert client.post("/v1/jobs", json=body, headers=mine).status_code == 202
    assert client.post("/v1/jobs", json={**body, "steps": 9}, headers=other).status_code == 202


def test_long_values_are_not_echoed(client: TestClient) -> None:
    for body in ({"x" * 1_000_000: 1}, {"prompts": "山", "steps": "9" * 1_000_000}):
        reply = client.post("/v1/jobs", json=body)
        assert reply.status_code == 422
        assert len(reply.content) < 3000


def test_a_storage_error_shows_no_path(client: TestClient, settings: Settings) -> None:
    os.makedirs(settings.service, exist_ok=True)
    Path(settings.service / "keys.json").write_text("broken")
    reply = client.get("/v1/jobs")
    assert reply.status_code == 503
    assert str(settings.home) not in reply.text


def test_invented_methods_add_no_metrics(client: TestClient) -> None:
    for number in range(20):
        client.request(f"METHOD{number}", "/livez")
    text = client.get("/metrics").text
    assert "METHOD" not in text
    assert 'method="OTHER"' in text
