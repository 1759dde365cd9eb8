"""Log records are lines of JSON, whatever a client sent."""

import json
import logging
import sys

from danqing.server.json_logging import JsonFormatter


def line(message: str, **extra: object) -> dict[str, object]:
    record = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, message, (), None, extra=extra)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert text.isascii()
    return json.loads(text)


def test_a_record_is_one_line() -> None:
    said = line("request", path="/远\ud800\n", status=200)
    assert (said["event"], said["level"], said["path"], said["status"]) == ("request", "info", "/远\ud800\n", 200)
    assert str(said["time"]).endswith("+00:00")


def test_an_exception_has_its_traceback() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "fault", (), sys.exc_info())
    assert "ValueError: why" in json.loads(JsonFormatter().format(record))["traceback"]
