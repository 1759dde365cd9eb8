"""Failures shown to users."""

from pathlib import Path

import pytest

from danqing.errors import (
    DanqingError,
    InvalidRequest,
    MissingExtra,
    ModelNotFound,
    OutOfMemory,
    ScheduleError,
    StorageError,
    WeightsError,
)
from danqing.events import Failed
from danqing.i18n import Text
from danqing.jobs import Failure, Reason
from danqing.jobs.failures import log_failure, to_failure, worker_crashed
from danqing.results.run_writer import Run, RunWriter
from tests.unit.results.runs import small_request


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidRequest("画", "p"), "request"),
        (ScheduleError("画", "p", column=1), "request"),
        (MissingExtra("画", "p"), "request"),
        (ModelNotFound("画", "p"), "model"),
        (WeightsError("画", "p"), "model"),
        (OutOfMemory("画", "p"), "out_of_memory"),
        (DanqingError("画", "p"), "error"),
    ],
)
def test_own_errors_keep_their_messages(error: Exception, reason: Reason) -> None:
    assert to_failure(error) == Failure(reason, Text("画", "p"))


def test_details_of_the_server_are_not_shown() -> None:
    storage = to_failure(StorageError("写不进 /srv/secret", "cannot write /srv/secret"))
    assert storage.reason == "storage"
    unknown = to_failure(RuntimeError("/srv/secret"))
    assert unknown.reason == "error"
    assert "secret" not in storage.text.zh + storage.text.en + unknown.text.zh + unknown.text.en


def test_crashes_name_the_signal_or_exit_code() -> None:
    assert "信号 9" in worker_crashed(3, 12, -9).text.zh
    assert "signal 9" in worker_crashed(3, 12, -9).text.en
    assert "exit code 1" in worker_crashed(3, 12, 1).text.en


@pytest.mark.parametrize(("reason", "logged"), [("storage", "storage"), ("worker", "error"), ("model", "error")])
def test_a_failure_is_added_to_the_log(tmp_path: Path, reason: Reason, logged: str) -> None:
    RunWriter.open_or_create(tmp_path / "a", small_request()).close()

    log_failure(tmp_path / "a", Failure(reason, Text("画", "p")), batch=1, step=2)

    failed = Run.open(tmp_path / "a").failure()
    assert failed is not None
    assert (failed.reason, failed.zh, failed.batch, failed.step) == (logged, "画", 1, 2)


def test_without_a_run_nothing_is_logged(tmp_path: Path) -> None:
    log_failure(tmp_path / "a", Failure("model", Text("画", "p")))
    assert not (tmp_path / "a").exists()


def test_the_logged_event_can_be_read(tmp_path: Path) -> None:
    RunWriter.open_or_create(tmp_path / "a", small_request()).close()
    log_failure(tmp_path / "a", worker_crashed(3, 12, -9))
    assert isinstance(Run.open(tmp_path / "a").events()[-1], Failed)
