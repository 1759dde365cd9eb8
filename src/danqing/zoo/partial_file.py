"""A partially received file: its bytes so far, their SHA-256, and their source."""

import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from danqing.i18n import Text
from danqing.storage.atomic import check_disk_space, storage_errors

_BLOCK = 1 << 20
_ADVICE = Text(
    "已收到的部分已保留；请清理磁盘或检查权限，重新运行即可继续下载。",
    "The received part is kept; free some space or check the permissions and run again to continue.",
)


class PartialFile:
    """`NAME.part` beside the target; it is kept between processes. `NAME.part.json` stores its source.

    Args:
        target: path of the complete file.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self._metadata_path = target.with_name(f"{target.name}.part.json")
        self.size = 0
        self._hash = hashlib.sha256()
        self.single_source: str | None = None
        """The URL of all bytes, if they were all received by this process from one URL."""

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
        """Size of the part on disk, also while another process writes it."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far."""
        return self._hash.hexdigest()

    def first_bytes(self) -> bytes:
        """Return up to 64 bytes from the beginning."""
        self._stream.flush()
        with self.path.open("rb") as stream:
            return stream.read(64)

    def validator(self, url: str) -> str | None:
        """Return the ETag or date that the URL stated when the part was started, or None for another URL."""
        try:
            metadata: Any = json.loads(self._metadata_path.read_text("utf-8"))
            return metadata["validator"] if metadata["url"] == url else None
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def restart(self, url: str, validator: str | None) -> None:
        """Discard all bytes and store the new source.

        Raises:
            StorageError: the folder cannot be written.
        """
        self.clear()
        self.single_source = url
        with storage_errors(self.path, _ADVICE):
            self._metadata_path.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def clear(self) -> None:
        """Discard all bytes."""
        self._stream.truncate(0)
        self.size, self._hash, self.single_source = 0, hashlib.sha256(), None

    def write(self, block: bytes) -> None:
        """Append bytes.

        Raises:
            StorageError: the disk is full.
        """
        with storage_errors(self.path, _ADVICE):
            self._stream.write(block)
        self._hash.update(block)
        self.size += len(block)

    def check_disk_space(self, total: int) -> None:
        """Check that the disk has space for the rest of `total` bytes.

        Raises:
            StorageError: the disk has less free space.
        """
        check_disk_space(self.path.parent, total - self.size)

    def finish(self) -> None:
        """Rename the complete file to its target."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self._metadata_path.unlink(missing_ok=True)
        self.path.replace(self.target)
