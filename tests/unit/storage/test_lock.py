"""Locks between threads and processes."""

import errno
import logging
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from danqing.errors import StorageError
from danqing.storage import lock as lock_module
from danqing.storage.lock import Lock, file_lock, install_lock


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "a.lock"), Lock(tmp_path / "a.lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release(remove=True)
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_other_processes_are_excluded_until_the_holder_ends(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from danqing.storage.lock import Lock; print(Lock(Path({str(tmp_path / 'a')!r})).acquire())"
    lock = Lock(tmp_path / "a")
    assert lock.acquire()
    for expected in ("False", "True"):
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert output.strip() == expected
        lock.release()
    assert lock.acquire()  # the other process ended without releasing its lock
    lock.release()


def test_waiting_can_be_given_up(tmp_path: Path) -> None:
    def give_up() -> None:
        raise TimeoutError

    lock = Lock(tmp_path / "a")
    assert lock.acquire()
    with pytest.raises(TimeoutError), file_lock(tmp_path / "a", give_up):
        pass
    lock.release()
    with file_lock(tmp_path / "a", give_up):
        assert not lock.acquire()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "not supported")

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    lock_module._warn_no_locks.cache_clear()  # pyright: ignore[reportPrivateUsage]
    with caplog.at_level(logging.WARNING):
        for name in ("a", "b"):
            lock = Lock(tmp_path / name)
            assert lock.acquire()
            lock.release()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StorageError, match="DANQING_HOME"), install_lock(tmp_path / "file" / "home", lambda: None):
        pass
