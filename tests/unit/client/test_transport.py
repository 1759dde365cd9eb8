"""The client's wire: streams of events and errors, read as a service sends them."""

import json

import pytest

from danqing import errors
from danqing.client.transport import ServerSentEvent, read_events, to_error


def test_events_are_read_as_they_were_sent() -> None:
    lines = [": ping", "", "event: stepped", 'data: {"a": 1}', "id: 3", "", "data: a", "data:b", "", "data: cut off"]
    assert list(read_events(iter(lines))) == [
        ServerSentEvent("stepped", '{"a": 1}', "3"),
        ServerSentEvent("message", "a\nb", ""),
    ]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "model_not_found", errors.ModelNotFound),
        (404, "not_found", errors.JobNotFound),
        (409, "conflict", errors.JobConflict),
        (422, "invalid_value", errors.InvalidRequest),
        (413, "too_large", errors.InvalidRequest),
        (429, "too_many_jobs", errors.TooManyJobs),
        (503, "busy", errors.QueueFull),
        (401, "no_key", errors.DanqingError),
    ],
)
def test_an_error_comes_out_as_the_one_that_was_raised(status: int, code: str, kind: type[errors.DanqingError]) -> None:
    body = json.dumps({"error": {"message": "说明", "code": code, "param": "steps"}}).encode()
    error = to_error(status, body, "7")
    assert type(error) is kind
    assert error.zh == "说明"
    assert getattr(error, "field", "steps") == "steps"
    assert getattr(error, "retry_after", 7) == 7


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}'])
def test_an_answer_of_somebody_else_is_still_an_error(body: bytes) -> None:
    assert "502" in str(to_error(502, body, ""))
