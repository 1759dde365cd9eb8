"""A file that is on its way: its bytes so far, their SHA-256, and where they came from."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from danqing.errors import StorageError

_BLOCK = 1 << 20


class Part:
    """`NAME.part` beside the file that it becomes; it outlives the process. A note beside it names its origin.

    Args:
        target: the file that it becomes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self._hash = hashlib.sha256()
        self.pure: str | None = None
        """The address that all of it came from, as far as this process knows."""

    def __enter__(self) -> Self:
        self._stream = self.path.open("ab+")
        self._stream.seek(0)
        while block := self._stream.read(_BLOCK):
            self._hash.update(block)
            self.size += len(block)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if not self.size:
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    @property
    def here(self) -> int:
        """Bytes on the disk, whoever writes them."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hash.hexdigest()

    def validator(self, url: str) -> str | None:
        """What that address said of the file when this part was begun there (ETag or date), else None."""
        try:
            note: Any = json.loads(self._note.read_text("utf-8"))
            return note["validator"] if note["url"] == url else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def begin(self, url: str, validator: str | None) -> None:
        """Start anew with the bytes of one address.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.clear()
        self.pure = url
        with _guarded(self.path):
            self._note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def clear(self) -> None:
        """Drop the bytes so far."""
        self._stream.truncate(0)
        self.size, self._hash, self.pure = 0, hashlib.sha256(), None

    def add(self, block: bytes) -> None:
        """Write the next bytes.

        Raises:
            StorageError: they do not fit on the disk.
        """
        with _guarded(self.path):
            self._stream.write(block)
        self._hash.update(block)
        self.size += len(block)

    def make_room(self, total: int) -> None:
        """Make sure that the disk can take what is lacking of `total` bytes.

        Raises:
            StorageError: it cannot.
        """
        check_room(self.path.parent, total - self.size)

    def finish(self) -> None:
        """Give the file its name; from now on it is whole."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._note.unlink(missing_ok=True)
        self.path.replace(self.target)


def check_room(folder: Path, needed: int) -> None:
    """Make sure that a disk has room.

    Args:
        folder: a place on the disk; it need not exist yet.
        needed: bytes.
    Raises:
        StorageError: there is less; the message says how much is needed and free.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"磁盘空间不够：{folder} 还要 {needed / 1e9:.2f} GB，只剩 {free / 1e9:.2f} GB。"
            "请腾出空间，或用 DANQING_HOME 换一个地方。",
            f"Not enough room on the disk: {folder} needs {needed / 1e9:.2f} GB and has {free / 1e9:.2f} GB. Free some space, "
            "or move everything with DANQING_HOME.",
        )


@contextmanager
def _guarded(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        zh, en = ("磁盘满了", "the disk is full") if full else (str(error.strerror), str(error.strerror))
        raise StorageError(
            f"写不进 {path}：{zh}。已收到的部分留着；腾出空间后再运行一次，就接着下载。",
            f"Cannot write {path}: {en}. What has arrived is kept; free some space and run again to go on.",
        ) from error
