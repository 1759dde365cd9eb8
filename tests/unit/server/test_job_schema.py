"""The body of a new job, and its JSON schema."""

from uuid import uuid4

import pytest
from pydantic import ValidationError

from danqing.errors import InvalidRequest
from danqing.request.validation import validation_error
from danqing.server.fields import SERVER_ONLY_FIELDS
from danqing.server.job_schema import JobRequest


def test_a_new_job_has_the_fields_of_a_request() -> None:
    request = JobRequest.model_validate({"prompts": "远山", "steps": "５", "size": "64x128"}).to_request()
    assert (request.prompts, request.steps, request.size) == (("远山",), 5, (64, 128))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"prompts": "远山", "device": "cuda"}, "device"),
        ({"prompts": "远山", "dtype": "float16"}, "dtype"),
        ({"prompts": "远山", "stpes": 5}, "stpes"),
        ({"prompts": "远山", "output_dir": "/tmp"}, "output_dir"),
        ({"prompts": "远山", "size": "65x64"}, "size"),
        ({"prompts": "远" * 2001}, "prompts"),
        ({"prompts": ["远"] * 21}, "prompts"),
        ({"prompts": "远山", "cut_overview": "[1]*" + "9" * 900}, "cut_overview"),
        ({"prompts": "远山", "cut_overview": "__import__('os').getcwd()"}, "cut_overview"),
        ({"prompts": "远山", "init_image": 5}, "init_image"),
        ({}, "prompts"),
    ],
)
def test_an_invalid_field_is_rejected_and_named(values: dict[str, object], field: str) -> None:
    with pytest.raises((ValidationError, InvalidRequest)) as caught:
        JobRequest.model_validate(values)
    error = caught.value
    found = validation_error(error.errors()[0]) if isinstance(error, ValidationError) else error
    assert (found.field or "").partition(".")[0] == field


def test_only_given_fields_are_set_in_the_request() -> None:
    assert JobRequest.model_validate({"prompts": "远山", "id": str(uuid4())}).to_request().model_fields_set == {
        "prompts"
    }


def test_a_grid_may_have_an_id() -> None:
    values = {"prompts": "远山", "id": str(uuid4()), "grid": {"steps": [10, 20]}}
    request = JobRequest.model_validate(values).to_request()
    assert [cell.steps for cell in request.cells()] == [10, 20]


def test_the_schema_has_descriptions_in_both_languages_and_no_defaults() -> None:
    fields = JobRequest.model_json_schema()["properties"]
    assert fields["steps"] == {"type": "integer", "minimum": 2, "maximum": 1000, "description": "步数 · steps"}
    assert SERVER_ONLY_FIELDS.isdisjoint(fields)
    assert all("default" not in field and field["description"] for field in fields.values())
