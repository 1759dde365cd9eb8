"""Use of a home by one service or several, and periodic tasks."""

import os
import threading
from pathlib import Path

import pytest

from danqing.errors import HomeLocked, StorageError
from danqing.jobs import housekeeping
from danqing.jobs.housekeeping import (
    Housekeeper,
    RunningServer,
    exclusive_home,
    record_port,
    running_servers,
    shared_home,
)


def test_the_second_service_is_refused_with_the_process_of_the_first(tmp_path: Path) -> None:
    with exclusive_home(tmp_path):
        assert (tmp_path / "server.pid").read_text("ascii") == f"{os.getpid()}\n"
        with pytest.raises(HomeLocked) as caught, exclusive_home(tmp_path):
            pass
        (tmp_path / "server.pid").unlink()
        with pytest.raises(HomeLocked) as unknown, exclusive_home(tmp_path):
            pass
    assert (caught.value.pid, unknown.value.pid) == (os.getpid(), None)
    assert "DANQING_HOME" in caught.value.en

    with exclusive_home(tmp_path):
        pass
    assert not (tmp_path / "server.pid").exists()


def test_a_home_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="DANQING_HOME"), exclusive_home(tmp_path / "file" / "home"):
        pass


def test_housekeeping_continues_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "INTERVAL", 0.001)
    runs = threading.Semaphore(0)

    def failing() -> None:
        raise RuntimeError

    housekeeper = Housekeeper(failing, runs.release)
    for _ in range(3):
        runs.acquire()
    housekeeper.stop()


def test_services_share_a_home_only_with_their_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_START_SECONDS", 0.0)
    with shared_home(tmp_path):
        record_port(tmp_path, 8866)
        assert running_servers(tmp_path) == (RunningServer(os.getpid(), 8866),)
        with shared_home(tmp_path):
            pass
    with shared_home(tmp_path):
        with pytest.raises(HomeLocked) as caught, exclusive_home(tmp_path):
            pass
        assert caught.value.pid == os.getpid()
    with exclusive_home(tmp_path):
        with pytest.raises(HomeLocked) as caught, shared_home(tmp_path):
            pass
        assert caught.value.pid == os.getpid()
    assert running_servers(tmp_path) == ()
    assert list(tmp_path.glob("*.pid")) == []
