"""Errors in words for those who asked for the picture."""

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
from danqing.jobs import Failure, Reason
from danqing.jobs.failures import died, failure_of, note
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
def test_our_own_errors_keep_their_words(error: Exception, reason: Reason) -> None:
    assert failure_of(error) == Failure(reason, "画", "p")


def test_what_only_the_owner_may_know_is_not_told() -> None:
    storage = failure_of(StorageError("写不进 /srv/secret", "cannot write /srv/secret"))
    assert storage.reason == "storage"
    unknown = failure_of(RuntimeError("/srv/secret"))
    assert unknown.reason == "error"
    assert "secret" not in storage.zh + storage.en + unknown.zh + unknown.en


def test_how_a_worker_died() -> None:
    assert "信号 9" in died(3, 12, -9).zh
    assert "signal 9" in died(3, 12, -9).en
    assert "exit status 1" in died(3, 12, 1).en


@pytest.mark.parametrize(("reason", "said"), [("storage", "storage"), ("worker", "error"), ("model", "error")])
def test_a_failure_is_added_to_the_log(tmp_path: Path, reason: Reason, said: str) -> None:
    RunWriter.open_or_create(tmp_path / "a", small_request()).close()

    note(tmp_path / "a", Failure(reason, "画", "p"), batch=1, step=2)

    failed = Run.open(tmp_path / "a").failure()
    assert failed is not None
    assert (failed.reason, failed.zh, failed.batch, failed.step) == (said, "画", 1, 2)


def test_where_there_is_no_run_nothing_is_added(tmp_path: Path) -> None:
    note(tmp_path / "a", Failure("model", "画", "p"))
    assert not (tmp_path / "a").exists()


def test_the_event_is_one_that_can_be_read(tmp_path: Path) -> None:
    RunWriter.open_or_create(tmp_path / "a", small_request()).close()
    note(tmp_path / "a", died(3, 12, -9))
    assert isinstance(Run.open(tmp_path / "a").events()[-1], Failed)
