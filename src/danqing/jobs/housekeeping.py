"""The folder of a service: one service at a time works in it."""

import logging
import os
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from danqing.errors import HomeLocked
from danqing.jobs.job_store import Ledger
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.storage.lock import file_lock

EVERY = 30.0
"""Seconds between two rounds of housekeeping."""

log = logging.getLogger(__name__)


@contextmanager
def taken(home: Path) -> Generator[None]:
    """Work alone in a home while the block runs; the system frees it when the process dies.

    Raises:
        HomeLocked: another process works there.
        StorageError: it cannot be written.
    """
    number = home / "server.pid"

    def refuse() -> None:
        pid = _read(number)
        raise HomeLocked(
            f"{home} 已有一个服务在用（进程 {pid or '未知'}）。请先停下它，或用 DANQING_HOME 另选一个文件夹。",
            f"Another service works in {home} (process {pid or 'unknown'}). Stop it first, or choose another DANQING_HOME.",
            pid=pid,
        )

    with storage_errors(home, HOME_ADVICE):
        home.mkdir(parents=True, exist_ok=True)
        with file_lock(home / ".lock", refuse):
            with suppress(OSError):  # with a full disk only the process id is missing
                number.write_text(f"{os.getpid()}\n", encoding="ascii")
            try:
                yield
            finally:
                number.unlink(missing_ok=True)


def sweep_orphans(ledger: Ledger, jobs: Path) -> None:
    """Remove the folders of jobs that were forgotten by a process that died before it could do so."""
    known = set(ledger.ids())
    with suppress(FileNotFoundError):
        for folder in [folder for folder in jobs.iterdir() if folder.name not in known]:
            shutil.rmtree(folder, ignore_errors=True)


class Keeper:
    """A thread that forgets old jobs and keeps the reserve, now and then."""

    def __init__(self, forget_old: Callable[[], None], keep_reserve: Callable[[], None]) -> None:
        self._rounds = (forget_old, keep_reserve)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(EVERY):
            for round in self._rounds:
                try:
                    round()
                except Exception:  # housekeeping never takes the service down
                    log.exception("housekeeping")


def _read(number: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(number.read_text("ascii"))
    return None
