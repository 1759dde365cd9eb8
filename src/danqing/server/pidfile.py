"""A note of which process serves a port, so that `danqing hub serving stop` finds it; held locked while it serves."""

import os
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from danqing.errors import InvalidRequest
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text
from danqing.storage.lock import Lock

PATIENCE = 15.0
"""Seconds in which a service that was told to end has ended."""


@contextmanager
def posted(settings: Settings, port: int) -> Generator[None]:
    """The note that this process serves a port.

    Raises:
        StorageError: the home cannot be written.
    """
    file = _file(settings, port)
    lock = Lock(file.with_suffix(".lock"))
    with storage_errors(file, HOME_ADVICE):
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        write_text(file, f"{os.getpid()}\n", advice=HOME_ADVICE)
        yield
    finally:
        file.unlink(missing_ok=True)
        lock.release(remove=True)


def stop(settings: Settings, port: int) -> int:
    """Tell the service of a port to end, and wait until it has.

    Returns:
        its process id.
    Raises:
        InvalidRequest: nobody of this home serves that port, or it does not end.
    """
    file = _file(settings, port)
    pid = _holder(file)
    if pid is None:
        raise InvalidRequest(
            f"端口 {port} 上没有正在运行的服务（就 {settings.home} 所知）。",
            f"No service of {settings.home} runs on port {port}.",
            field="port",
        )
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while _holder(file) == pid:
        if time.monotonic() > end:
            raise InvalidRequest(
                f"进程 {pid} 还没有停下。请稍后再看，或用 kill {pid}。",
                f"The process {pid} has not ended yet. Look again later, or kill {pid}.",
            )
        time.sleep(0.05)
    return pid


def _file(settings: Settings, port: int) -> Path:
    return settings.service / f"port-{port}.pid"


def _holder(file: Path) -> int | None:
    """Return the id of the process that holds a pid file; None if no process does."""
    lock = Lock(file.with_suffix(".lock"))
    try:
        if lock.acquire():
            lock.release(remove=True)
            return None
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
