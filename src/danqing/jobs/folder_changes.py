"""Changes of a folder, to keep a copy on another machine up to date."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from danqing.results.run_layout import EVENTS, LOCK
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_bytes


@dataclass(frozen=True, slots=True)
class FileChange:
    """New content of a file from an offset on; what the copy has after it is replaced."""

    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """Changed and deleted files, by their paths relative to the folder."""

    changed: Mapping[str, FileChange] = field(default_factory=dict[str, FileChange])
    deleted: tuple[str, ...] = ()


class FolderWatch:
    """Finds what has changed in a folder since the last call. Locks and unfinished files are ignored.

    Of the event log, which only grows, the new lines are returned; other files are returned as a whole.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}

    def changes(self) -> FolderChanges:
        """Return the changes since the last call; at first, all files."""
        found: dict[str, tuple[int, int]] = {}
        changed: dict[str, FileChange] = {}
        for file in run_files(self._folder):
            name = file.relative_to(self._folder).as_posix()
            try:
                status = file.stat()
                found[name] = (status.st_mtime_ns, status.st_size)
                if found[name] != self._known.get(name):
                    changed[name] = self._read(name, status.st_size)
            except FileNotFoundError:  # deleted meanwhile
                found.pop(name, None)
        deleted = tuple(name for name in self._known if name not in found)
        self._known = found
        return FolderChanges(changed, deleted)

    def _read(self, name: str, size: int) -> FileChange:
        known = self._known.get(name, (0, 0))[1]
        offset = known if name == EVENTS and known <= size else 0
        with (self._folder / name).open("rb") as stream:
            stream.seek(offset)
            return FileChange(offset, stream.read(size - offset))


def read_files(folder: Path, names: Iterable[str]) -> FolderChanges:
    """Return some files of a folder; those that do not exist are left out."""
    files = [(name, folder / name) for name in names]
    return FolderChanges({name: FileChange(0, file.read_bytes()) for name, file in files if file.is_file()})


def apply_changes(folder: Path, changes: FolderChanges) -> None:
    """Repeat the changes of a folder in its copy.

    Raises:
        StorageError: the copy cannot be written.
    """
    for name, change in changes.changed.items():
        file = folder / name
        with storage_errors(folder, HOME_ADVICE):
            file.parent.mkdir(parents=True, exist_ok=True)
            if change.offset:
                with file.open("r+b") as stream:
                    stream.truncate(change.offset)
                    stream.seek(change.offset)
                    stream.write(change.content)
        if not change.offset:
            write_bytes(file, change.content, fsync=False, advice=HOME_ADVICE)
    for name in changes.deleted:
        (folder / name).unlink(missing_ok=True)


def run_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a run's folder, without locks and unfinished files."""
    for file in folder.rglob("*"):
        if file.name != LOCK and file.suffix != ".part" and file.is_file():
            yield file
