"""Status, format and language of error responses."""

import json

import pytest
from starlette.datastructures import Headers

from danqing import errors
from danqing.server.errors import ApiError, error_response, language_of, to_api_error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.InvalidRequest("a", "b", field="x"), 422, "invalid_value"),
        (errors.ScheduleError("a", "b", column=1), 422, "invalid_value"),
        (errors.ModelNotFound("a", "b"), 404, "model_not_found"),
        (errors.JobNotFound("a", "b"), 404, "not_found"),
        (errors.JobConflict("a", "b"), 409, "conflict"),
        (errors.TooManyJobs("a", "b", retry_after=1.2), 429, "too_many_jobs"),
        (errors.QueueFull("a", "b", retry_after=0), 503, "busy"),
        (errors.ServiceStopping("a", "b", retry_after=5), 503, "stopping"),
        (errors.StorageError("a", "b"), 503, "storage"),
        (errors.DanqingError("a", "b"), 500, "failed"),
    ],
)
def test_each_exception_has_its_status(error: errors.DanqingError, status: int, code: str) -> None:
    refusal = to_api_error(error)
    assert (refusal.status, refusal.code) == (status, code)
    # Other messages contain paths of the server.
    assert (refusal.en == "b") == (code not in ("storage", "failed"))
    assert (refusal.retry_after is None) == (status not in (429, 503))


def test_errors_have_the_format_of_openai() -> None:
    said = error_response(
        ApiError(422, "c", "远\ud800", "far", field="steps"), path="/v1/jobs", request_id="r", language="zh"
    )
    error = json.loads(bytes(said.body))["error"]
    assert error == {
        "message": "远?",
        "type": "invalid_request_error",
        "param": "steps",
        "code": "c",
        "request_id": "r",
    }


def test_errors_below_predict_have_the_format_of_paddlehub() -> None:
    said = error_response(ApiError(401, "c", "远", "far"), path="/predict/x", request_id="r", language="en")
    assert json.loads(bytes(said.body)) == {"status": "101", "msg": "far [r]", "results": ""}
    assert said.status_code == 401


def test_a_busy_service_sends_retry_after() -> None:
    said = error_response(ApiError(503, "c", "a", "b", retry_after=7), path="/", request_id="r", language="zh")
    assert said.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("accepts", "language"),
    [("en-US,en;q=0.9,zh;q=0.8", "en"), ("zh-CN", "zh"), ("fr, en", "en"), ("fr", "zh"), ("", "zh")],
)
def test_the_language_is_taken_from_accept_language(accepts: str, language: str) -> None:
    assert language_of(Headers({"accept-language": accepts}), "zh") == language
