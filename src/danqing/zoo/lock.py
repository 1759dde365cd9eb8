"""One holder at a time, across threads and processes; the system frees the lock of a process that dies."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
