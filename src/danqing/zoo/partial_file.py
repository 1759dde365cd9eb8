"""A file that is on its way: its bytes so far, their SHA-256, and where they came from."""

import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from danqing.i18n import Text
from danqing.storage.atomic import check_disk_space, storage_errors

_BLOCK = 1 << 20
_RESUME_ADVICE = Text(
    "请先解决磁盘问题再重新运行：已下载的部分会保留，并从中断处继续。",
    "Fix the disk and run again: the downloaded part is kept and the download continues from there.",
)


class PartialFile:
    """`NAME.part` beside the file that it becomes; it outlives the process. A note beside it names its origin.

    Args:
        target: the file that it becomes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._metadata_path = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self._hash = hashlib.sha256()
        self.single_source: str | None = None
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
            self._metadata_path.unlink(missing_ok=True)

    @property
    def bytes_on_disk(self) -> int:
        """Bytes on the disk, whoever writes them."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._hash.hexdigest()

    def validator(self, url: str) -> str | None:
        """What that address said of the file when this part was begun there (ETag or date), else None."""
        try:
            note: Any = json.loads(self._metadata_path.read_text("utf-8"))
            return note["validator"] if note["url"] == url else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def restart(self, url: str, validator: str | None) -> None:
        """Start anew with the bytes of one address.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.clear()
        self.single_source = url
        with storage_errors(self.path, _RESUME_ADVICE):
            self._metadata_path.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def clear(self) -> None:
        """Drop the bytes so far."""
        self._stream.truncate(0)
        self.size, self._hash, self.single_source = 0, hashlib.sha256(), None

    def write(self, block: bytes) -> None:
        """Write the next bytes.

        Raises:
            StorageError: they do not fit on the disk.
        """
        with storage_errors(self.path, _RESUME_ADVICE):
            self._stream.write(block)
        self._hash.update(block)
        self.size += len(block)

    def check_disk_space(self, total: int) -> None:
        """Make sure that the disk can take what is lacking of `total` bytes.

        Raises:
            StorageError: it cannot.
        """
        check_disk_space(self.path.parent, total - self.size)

    def finish(self) -> None:
        """Give the file its name; from now on it is whole."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._metadata_path.unlink(missing_ok=True)
        self.path.replace(self.target)
