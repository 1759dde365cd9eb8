"""The OpenAPI document: a snapshot of its routes and fields, its errors, and its examples, which are run."""

import json
from pathlib import Path
from typing import Any

import pytest

from danqing.paddlehub.parameters import PARAMETERS
from danqing.request import Request
from danqing.server.fields import SERVER_ONLY_FIELDS
from tests.serving import QUICK, Serving

SNAPSHOT = Path(__file__).parent / "openapi.json"
BODIES = {"JobRequest", "ImagesRequest"}
"""Bodies with the fields of `Request`, which are tested below."""
ALWAYS = {"401", "403"}
"""Responses of the security middleware on every route that needs an API key."""


@pytest.fixture(scope="module")
def document(server: Serving) -> dict[str, Any]:
    with server.client() as client:
        return client.get("/openapi.json").json()


def summary(document: dict[str, Any]) -> dict[str, Any]:
    """Return what clients rely on: routes, parameters, status codes, and the fields of all schemas."""
    routes = {
        f"{method.upper()} {path}": {
            "parameters": sorted(f"{p['in']} {p['name']}" for p in operation.get("parameters", ())),
            "responses": sorted(operation["responses"]),
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    fields = {
        name: sorted(schema["properties"])
        for name, schema in document["components"]["schemas"].items()
        if "properties" in schema and name not in BODIES
    }
    return {"routes": routes, "fields": fields}


def test_routes_and_fields_are_those_of_the_snapshot(document: dict[str, Any]) -> None:
    """To update the snapshot: python -m tests.contract.test_openapi URL > tests/contract/openapi.json."""
    assert summary(document) == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_route_documents_the_errors_of_the_security_middleware(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in ("/livez", "/readyz"):
                assert set(operation["responses"]) >= ALWAYS, path
            assert operation["description"], path


def test_routes_that_submit_jobs_document_every_error(document: dict[str, Any]) -> None:
    errors = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}
    for path in ("/v1/jobs", "/v1/images/generations", "/v1/images/edits", "/v1/images/variations"):
        assert set(document["paths"][path]["post"]["responses"]) >= errors


def test_a_new_job_has_every_field_of_a_request(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["JobRequest"]["properties"]) == set(Request.model_fields) - SERVER_ONLY_FIELDS | {"id"}
    assert schemas["JobRequest"]["additionalProperties"] is False
    assert schemas["JobRequest"]["properties"]["steps"]["maximum"] == 1000


def test_the_paddlehub_route_documents_the_parameters_of_the_original(document: dict[str, Any]) -> None:
    body = document["paths"]["/predict/{module}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {parameter.name for parameter in PARAMETERS} - {"output_dir"}


def test_every_referenced_schema_exists(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/images/generations", "/predict/{module}"])
def test_the_documented_examples_are_accepted(server: Serving, document: dict[str, Any], path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]["example"]["value"]
    # Few and small cutouts: the pictures of the tiny model do not matter.
    quick = {name: QUICK[name] for name in ("cutn_batches", "cut_overview", "cut_innercut")} | {"steps": 4}
    if path.startswith("/predict"):
        quick |= {"cut_overview": "[2]*1000", "cut_innercut": "[1]*1000", "width_height": [64, 64]}
    elif path == "/v1/jobs":
        quick |= {"size": "64x64"}
    with server.client() as client:
        reply = client.post(path.replace("{module}", "disco_diffusion_cnclip_vitb16"), json={**body, **quick})
        assert reply.status_code == (202 if path == "/v1/jobs" else 200)
        assert reply.json().get("status", "000") == "000"
        if path == "/v1/jobs":
            assert "event: ended" in client.get(reply.json()["events"]).text


if __name__ == "__main__":
    import sys

    import httpx

    found = httpx.get(f"{sys.argv[1]}/openapi.json", trust_env=False).json()
    print(json.dumps(summary(found), indent=1, sort_keys=True))
