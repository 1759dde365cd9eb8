"""The OpenAPI document: what it promises, a snapshot of its routes, and its examples, which are run."""

import json
from pathlib import Path
from typing import Any

import pytest

from danqing.request import Request
from danqing.server.fields import SERVER_ONLY_FIELDS
from tests.serving import QUICK, Serving

SNAPSHOT = Path(__file__).parent / "openapi.json"
BODIES = {"NewJob", "NewImages"}
"""They follow `Request`, which has a test of its own below."""
ALWAYS = {"401", "403"}
"""What the gate may answer on every route behind it."""


@pytest.fixture(scope="module")
def document(server: Serving) -> dict[str, Any]:
    with server.client() as client:
        return client.get("/openapi.json").json()


def summary(document: dict[str, Any]) -> dict[str, Any]:
    """What callers rely on: routes, parameters, answers, and the names of all fields in answers."""
    routes = {
        f"{method.upper()} {path}": {
            "parameters": sorted(f"{p['in']} {p['name']}" for p in operation.get("parameters", ())),
            "answers": sorted(operation["responses"]),
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


def test_the_snapshot(document: dict[str, Any]) -> None:
    """After a change on purpose: python -m tests.contract.test_openapi URL > tests/contract/openapi.json."""
    assert summary(document) == json.loads(SNAPSHOT.read_text("utf-8"))


def test_every_route_declares_what_the_gate_answers(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in ("/livez", "/readyz"):
                assert set(operation["responses"]) >= ALWAYS, path
            assert operation["description"], path


def test_routes_that_paint_declare_every_refusal(document: dict[str, Any]) -> None:
    refusals = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}
    for path in ("/v1/jobs", "/v1/images/generations"):
        assert set(document["paths"][path]["post"]["responses"]) >= refusals


def test_bodies_have_every_field_of_a_request(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["NewJob"]["properties"]) == set(Request.model_fields) - SERVER_ONLY_FIELDS | {"id"}
    assert schemas["NewJob"]["additionalProperties"] is False
    assert schemas["NewJob"]["properties"]["steps"]["maximum"] == 1000


def test_nothing_is_named_that_is_not_there(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/images/generations", "/predict/{module}"])
def test_the_examples_paint(server: Serving, document: dict[str, Any], path: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
    # Few and small cuts: the tiny model of the tests is no painter anyway.
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
