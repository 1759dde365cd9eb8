"""Use of the home of a service by one process or by several, their pid files, and periodic tasks."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from danqing.errors import HomeLocked
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.storage.lock import Lock, file_lock

INTERVAL = 30.0
"""Seconds between two runs of the periodic tasks."""
_NAME = "server"
"""Stem of the pid file `server.pid` and the lock file `.server.lock`; services that share a home add a suffix."""

_START_SECONDS = 3.0
"""Time for which services that share a home wait for each other at the start."""

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
    with storage_errors(home, HOME_ADVICE):
        home.mkdir(parents=True, exist_ok=True)
        with file_lock(_lock_file(home, _NAME), lambda: _refuse(home, _read_pid_file(home, _NAME))):
            for name in _names(home):
                if name != _NAME and _is_locked(_lock_file(home, name)):
                    _refuse(home, _read_pid_file(home, name))
            with _pid_file(home, _NAME):
                yield


@contextmanager
def shared_home(home: Path) -> Generator[None]:
    """Use a home during the block as one of several services that share a database.

    Raises:
        HomeLocked: a service without a shared database uses the home.
        StorageError: the home cannot be written.
    """
    name = f"{_NAME}-{socket.gethostname()}-{os.getpid()}"
    own = Lock(_lock_file(home, name))
    deadline = time.monotonic() + _START_SECONDS

    def on_wait() -> None:
        if time.monotonic() > deadline:
            _refuse(home, _read_pid_file(home, _NAME))

    with storage_errors(home, HOME_ADVICE):
        home.mkdir(parents=True, exist_ok=True)
        with file_lock(_lock_file(home, _NAME), on_wait):  # for a moment: another one may start as well
            own.acquire()
        try:
            with _pid_file(home, name):
                yield
        finally:
            own.release(remove=True)


def record_port(home: Path, port: int) -> None:
    """Add the port that this process serves to its pid file. Call only within `exclusive_home` or `shared_home`."""
    for name in _names(home):
        if _read_pid_file(home, name).pid == os.getpid():
            _write_pid_file(home / f"{name}.pid", f"{os.getpid()}\n{port}\n")


def running_servers(home: Path) -> tuple[RunningServer, ...]:
    """Return the processes of this machine that use a home."""
    here = f"{_NAME}-{socket.gethostname()}-"
    names = [name for name in _names(home) if name == _NAME or name.startswith(here)]
    return tuple(_read_pid_file(home, name) for name in names if _is_locked(_lock_file(home, name)))


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


def _names(home: Path) -> list[str]:
    """Return the stems of all pid files."""
    return sorted(file.stem for file in home.glob(f"{_NAME}*.pid"))


def _lock_file(home: Path, name: str) -> Path:
    return home / f".{name}.lock"


def _is_locked(file: Path) -> bool:
    lock = Lock(file)
    try:
        if not lock.acquire():
            return True
    except OSError:
        return False
    lock.release(remove=file.stem != f".{_NAME}")
    return False


def _refuse(home: Path, server: RunningServer) -> NoReturn:
    pid = server.pid
    raise HomeLocked(
        f"{home} 正由另一个服务使用（进程 {pid or '未知'}）。请先停止该服务，或用 DANQING_HOME 另选文件夹。",
        f"Another service uses {home} (process {pid or 'unknown'}). Stop it first, or choose another DANQING_HOME.",
        pid=pid,
    )


@contextmanager
def _pid_file(home: Path, name: str) -> Generator[None]:
    file = home / f"{name}.pid"
    _write_pid_file(file, f"{os.getpid()}\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _write_pid_file(file: Path, text: str) -> None:
    with suppress(OSError):  # on a full disk only the process ID is missing
        file.write_text(text, encoding="ascii")


def _read_pid_file(home: Path, name: str) -> RunningServer:
    values: list[int] = []
    with suppress(OSError, ValueError):
        values = [int(line) for line in (home / f"{name}.pid").read_text("ascii").split()]
    pid, port, *_ = [*values, None, None]
    return RunningServer(pid, port)
