"""Exclusive use of the home of a service, its pid file, and periodic tasks."""

import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import HomeLocked
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.storage.lock import Lock, file_lock

INTERVAL = 30.0
"""Seconds between two runs of the periodic tasks."""
_PID_FILE = "server.pid"
_LOCK_FILE = ".lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The process that uses a home, and the port that it serves; None if unknown."""

    pid: int | None
    port: int | None


@contextmanager
def exclusive_home(home: Path) -> Generator[None]:
    """Lock a home for this process during the block. The operating system releases the lock of a process that dies.

    Raises:
        HomeLocked: another process uses the home.
        StorageError: the home cannot be written.
    """
    file = home / _PID_FILE

    def refuse() -> None:
        pid = _read_pid_file(home).pid
        raise HomeLocked(
            f"{home} 正由另一个服务使用（进程 {pid or '未知'}）。请先停止该服务，或用 DANQING_HOME 另选文件夹。",
            f"Another service uses {home} (process {pid or 'unknown'}). Stop it first, or choose another DANQING_HOME.",
            pid=pid,
        )

    with storage_errors(home, HOME_ADVICE):
        home.mkdir(parents=True, exist_ok=True)
        with file_lock(home / _LOCK_FILE, refuse):
            _write_pid_file(file, f"{os.getpid()}\n")
            try:
                yield
            finally:
                file.unlink(missing_ok=True)


def record_port(home: Path, port: int) -> None:
    """Add the port that this process serves to the pid file. Call only within `exclusive_home`."""
    _write_pid_file(home / _PID_FILE, f"{os.getpid()}\n{port}\n")


def find_server(home: Path) -> RunningServer | None:
    """Return the process that uses a home; None if no process does."""
    lock = Lock(home / _LOCK_FILE)
    try:
        if lock.acquire():
            lock.release()
            return None
    except OSError:  # there is no such home
        return None
    return _read_pid_file(home)


class Housekeeper:
    """A thread that runs tasks periodically until `stop`; errors of a task are logged."""

    def __init__(self, *tasks: Callable[[], None]) -> None:
        self._tasks = tasks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            for task in self._tasks:
                try:
                    task()
                except Exception:  # the service must not stop because of a periodic task
                    log.exception("housekeeping")


def _write_pid_file(file: Path, text: str) -> None:
    with suppress(OSError):  # on a full disk only the process ID is missing
        file.write_text(text, encoding="ascii")


def _read_pid_file(home: Path) -> RunningServer:
    values: list[int] = []
    with suppress(OSError, ValueError):
        values = [int(line) for line in (home / _PID_FILE).read_text("ascii").split()]
    pid, port, *_ = [*values, None, None]
    return RunningServer(pid, port)
