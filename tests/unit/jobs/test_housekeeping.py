"""One at a time, and keeping house."""

import os
import threading
from pathlib import Path

import pytest

from danqing.errors import HomeLocked, StorageError
from danqing.jobs import housekeeping
from danqing.jobs.housekeeping import Keeper, taken


def test_the_second_is_told_who_was_first(tmp_path: Path) -> None:
    with taken(tmp_path):
        assert (tmp_path / "server.pid").read_text("ascii") == f"{os.getpid()}\n"
        with pytest.raises(HomeLocked) as caught, taken(tmp_path):
            pass
        (tmp_path / "server.pid").unlink()
        with pytest.raises(HomeLocked) as unknown, taken(tmp_path):
            pass
    assert (caught.value.pid, unknown.value.pid) == (os.getpid(), None)
    assert "DANQING_HOME" in caught.value.en

    with taken(tmp_path):
        pass
    assert not (tmp_path / "server.pid").exists()


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="DANQING_HOME"), taken(tmp_path / "file" / "home"):
        pass


def test_housekeeping_goes_on_after_a_mishap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "EVERY", 0.001)
    rounds = threading.Semaphore(0)

    def mishap() -> None:
        raise RuntimeError

    keeper = Keeper(mishap, rounds.release)
    for _ in range(3):
        rounds.acquire()
    keeper.stop()
