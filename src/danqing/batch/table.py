"""The table of a batch, `results.jsonl`: one line for each picture and each failed row."""

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self, cast

from danqing.errors import RunLocked
from danqing.storage.atomic import storage_errors
from danqing.storage.lock import Lock

TABLE = "results.jsonl"
KEY_LENGTH = 16
"""Characters of a key; a number follows in rows whose request occurred before."""
_LOCK = ".batch.lock"


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A line of the table: a picture, or the error of a row."""

    line: int
    """Number of the row in the prompt file."""
    key: str
    """Identifies the row: a digest of its request, and its number among rows with equal requests."""
    request: Mapping[str, object]
    """Fields that the row sets."""
    picture: int | None = None
    """Number of the picture within the row; None for an error."""
    seed: int | None = None
    path: str | None = None
    """The file, relative to the folder of the table."""
    sha256: str | None = None
    """SHA-256 of the file."""
    seconds: float | None = None
    """Time that the row took."""
    worker: int | str | None = None
    """Number of the worker process; on Ray the address of its node and its process ID."""
    notices: Sequence[str] = ()
    """Messages about the prompts, for example about unknown characters."""
    error: Mapping[str, str] | None = None
    """Reason of the failure, in Chinese (`zh`) and English (`en`)."""

    def to_dict(self) -> dict[str, object]:
        """Return the fields as JSON values."""
        return asdict(self)


@dataclass(slots=True)
class ResultTable:
    """The table in the folder of a batch. Use as a context manager, which holds a lock on the folder.

    The table decides which rows are finished: it works alike for all kinds of workers, and a user can read and edit it.
    """

    folder: Path
    _lock: Lock = field(init=False)

    def __post_init__(self) -> None:
        self._lock = Lock(self.folder / _LOCK)

    def __enter__(self) -> Self:
        """Create the folder and lock it.

        Raises:
            RunLocked: another process writes the same table.
            StorageError: the folder cannot be written.
        """
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            locked = self._lock.acquire()
        if not locked:
            raise RunLocked(
                f"另一个程序正在写入 {self.folder}。请等待它完成，或用 --out 换一个文件夹。",
                f"Another program is writing to {self.folder}. Wait for it to end, or choose another folder with --out.",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release(remove=True)

    def finished_keys(self) -> frozenset[str]:
        """Return the keys of the rows whose pictures are all in the table and in the folder."""
        pictures: defaultdict[str, set[int]] = defaultdict(set)
        wanted: dict[str, int] = {}
        for record in self.records():
            if record.path is not None and record.picture is not None and (self.folder / record.path).is_file():
                pictures[record.key].add(record.picture)
                counts = (record.request.get(name, 1) for name in ("n_batches", "batch_size"))
                batches, size = (count if isinstance(count, int) else 1 for count in counts)
                wanted[record.key] = batches * size
        return frozenset(key for key, numbers in pictures.items() if len(numbers) >= wanted[key])

    def records(self) -> list[BatchRecord]:
        """Return the lines of the table; damaged lines, as after a power cut, are skipped."""
        try:
            lines = (self.folder / TABLE).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found: list[BatchRecord] = []
        for line in lines:
            try:
                found.append(BatchRecord(**cast("dict[str, object]", json.loads(line))))  # type: ignore[arg-type] # pyright: ignore
            except (ValueError, TypeError):
                continue
        return found

    def append(self, records: Sequence[BatchRecord]) -> None:
        """Append lines, at once for all pictures of a row.

        Raises:
            StorageError: the table cannot be written.
        """
        text = "".join(json.dumps(record.to_dict(), ensure_ascii=False) + "\n" for record in records).encode()
        file = self.folder / TABLE
        with storage_errors(self.folder), file.open("ab+") as stream:
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":  # a power cut can leave half a line
                    text = b"\n" + text
            stream.write(text)


def row_keys(requests: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the key of each request of a file; equal requests are numbered, so that adding rows changes no other key."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for request in requests:
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]
        seen[digest] += 1
        keys.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return keys
