"""File locks between threads and processes. The operating system releases the lock of a process that ends."""

import errno
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import filelock

from danqing.storage.atomic import HOME_ADVICE, storage_errors

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

log = logging.getLogger(__name__)


class Lock:
    """An exclusive lock on a file of its own, which stays empty.

    On a file system without locks every `acquire` succeeds; a warning is logged once.

    Args:
        path: the lock file; created if it does not exist. It must not be a file with content: on Windows it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = filelock.FileLock(path, thread_local=False, fallback_to_soft=False)

    def acquire(self) -> bool:
        """Try once to take the lock; False while another thread or process holds it.

        Raises:
            OSError: the file cannot be created.
        """
        try:
            self._lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _warn_no_locks()
        return True

    def release(self, *, remove: bool = False) -> None:
        """Release the lock; does nothing if it is not held.

        Args:
            remove: also remove the lock file.
        """
        if remove:
            # Safe while the lock is held: filelock tries again when the file it opened has been removed.
            with suppress(OSError):  # Windows cannot remove an open file
                self._path.unlink(missing_ok=True)
        self._lock.release()


@contextmanager
def file_lock(path: Path, on_wait: Callable[[], None], *, poll_seconds: float = 0.2) -> Generator[None]:
    """Hold the lock of a file during the block; waits until it is free.

    Args:
        path: the lock file; created if it does not exist, and not removed.
        on_wait: called before each pause while another process holds the lock; it may raise to give up.
        poll_seconds: length of a pause.
    Raises:
        OSError: the file cannot be created.
    """
    lock = Lock(path)
    while not lock.acquire():
        on_wait()
        time.sleep(poll_seconds)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def install_lock(home: Path, on_wait: Callable[[], None]) -> Generator[None]:
    """Allow one installation at a time in a home; see `file_lock`.

    Args:
        home: created if it does not exist.
        on_wait: see `file_lock`.
    Raises:
        StorageError: the home cannot be written.
    """
    with storage_errors(home, HOME_ADVICE):
        home.mkdir(parents=True, exist_ok=True)
        with file_lock(home / ".install.lock", on_wait):
            yield


@cache
def _warn_no_locks() -> None:
    log.warning("The file system does not support locks: do not let two programs write to the same folder.")
