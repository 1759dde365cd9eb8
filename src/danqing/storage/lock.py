"""One holder at a time, across threads and processes; the system frees the lock of a process that dies."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from danqing.errors import StorageError
from danqing.settings import Settings

if sys.platform == "win32":
    import msvcrt

    def _take(stream: IO[bytes]) -> bool:
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def held(path: Path, waiting: Callable[[], None], *, pause: float = 0.2) -> Generator[None]:
    """Hold the lock of a file while the block runs.

    Args:
        path: the lock file; it is made, and stays.
        waiting: called before each pause while somebody else holds it.
        pause: seconds between two looks.
    Raises:
        OSError: the file cannot be made.
    """
    with path.open("ab") as stream:  # closing it frees the lock
        while not _take(stream):
            waiting()
            time.sleep(pause)
        yield


@contextmanager
def alone(settings: Settings, waiting: Callable[[], None]) -> Generator[None]:
    """One installation at a time in a home: the files of one are not removed under the hands of another.

    Raises:
        StorageError: the home cannot be written.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with held(settings.home / ".install.lock", waiting):
            yield
    except OSError as error:
        raise StorageError(
            f"写不进 {settings.home}：{error.strerror}。请检查权限和磁盘空间，或用 DANQING_HOME 换一个地方。",
            f"Cannot write {settings.home}: {error.strerror}. Check permissions and disk space, or move it with DANQING_HOME.",
        ) from error
