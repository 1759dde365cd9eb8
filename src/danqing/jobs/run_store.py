"""Copies of the runs in a shared folder or an object store, for services on machines that share no folder."""

import re
import shutil
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from danqing.errors import InvalidRequest, MissingExtra, StorageError
from danqing.jobs.folder_changes import run_files
from danqing.jobs.job import Job
from danqing.results import run_layout
from danqing.storage.atomic import write_bytes

UPLOAD_SECONDS = 5.0
"""Interval of uploads of a run in progress: at most so many seconds of work are repeated after its service has died."""
REFRESH_SECONDS = 2.0
"""Minimum interval of downloads of a run that another service paints."""
_CHECKPOINTS = (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT)


class RunStore:
    """Uploads what changes in the runs that this service paints, and downloads those of others.

    Args:
        url: of a folder, as fsspec reads it, such as s3://bucket/danqing or file:///mnt/danqing.
        jobs: parent of the folders of the runs.
    Raises:
        MissingExtra: fsspec, or its library for this kind of URL, is not installed.
        InvalidRequest: the URL is not valid.
        StorageError: the folder cannot be created.
    """

    def __init__(self, url: str, jobs: Path) -> None:
        self._url = url
        self._jobs = jobs
        self._files, self._root = _open(url)
        self._uploaded: dict[str, dict[str, tuple[int, int]]] = {}
        self._uploaded_at: dict[str, float] = {}
        self._refreshed_at: dict[str, float] = {}
        self._own: set[str] = set()
        self._download_lock = threading.Lock()
        with self._errors():
            self._files.makedirs(self._root, exist_ok=True)

    def upload(self, id: str) -> None:
        """Upload what has changed in a run, and delete what was deleted.

        The checkpoint is read before the events and written after them, and the pictures the other way round: whenever the
        service dies, the events in the store reach at least as far as the checkpoint, and their pictures are there.

        Raises:
            StorageError: the store cannot be written.
        """
        folder = self._jobs / id
        with self._errors():
            known = self._uploaded.get(id)
            if known is None:
                known = dict.fromkeys(self._sizes(id), (0, 0))
            found: dict[str, tuple[int, int]] = {}
            changed: dict[str, bytes] = {}
            for name in sorted((file.relative_to(folder).as_posix() for file in run_files(folder)), key=_upload_last):
                try:
                    status = (folder / name).stat()
                    found[name] = (status.st_mtime_ns, status.st_size)
                    if found[name] != known.get(name):
                        changed[name] = (folder / name).read_bytes()
                except FileNotFoundError:  # deleted meanwhile
                    found.pop(name, None)
            for name in sorted(changed, key=_upload_last, reverse=True):
                self._write(id, name, changed[name])
            for name in known.keys() - found.keys():
                self._files.rm_file(self._path(id, name))
            self._uploaded[id] = found

    def upload_sometimes(self, id: str) -> None:
        """Upload a run in progress unless that was done within the last seconds; see `upload`."""
        now = time.monotonic()
        if now - self._uploaded_at.get(id, -UPLOAD_SECONDS) >= UPLOAD_SECONDS:
            self._uploaded_at[id] = now
            self.upload(id)

    def upload_last(self, id: str) -> None:
        """Upload a run that has ended or been interrupted here; see `upload`."""
        self.upload(id)
        self._own.discard(id)

    def download(self, id: str) -> None:
        """Replace the folder of a run by the copy in the store, to continue it here. Without a copy nothing is changed.

        Raises:
            StorageError: the store cannot be read, or the folder cannot be written.
        """
        with self._download_lock, self._errors():
            sizes = self._sizes(id)
            folder = self._jobs / id
            for file in run_files(folder) if sizes else ():
                if file.relative_to(folder).as_posix() not in sizes:
                    file.unlink()
            self._read(id, sizes, always=_CHECKPOINTS)
        self._uploaded.pop(id, None)

    def download_for(self, job: Job) -> None:
        """Download the run of a job that starts or continues here, and the run from which it branches; see `download`."""
        self._own.add(job.id)
        self.download(job.id)
        parent = str(job.values.get("branch") or "").partition("/")[0]
        if parent and not (self._jobs / parent).exists():
            self.download(parent)

    def refresh(self, id: str) -> None:
        """Download what is new in a run that another service paints, to show it; at most every few seconds.

        Raises:
            StorageError: as for `download`.
        """
        now = time.monotonic()
        done = (self._jobs / id / run_layout.RESULT).exists()
        if done or now - self._refreshed_at.get(id, -REFRESH_SECONDS) < REFRESH_SECONDS:
            return
        self._refreshed_at[id] = now
        with self._download_lock, self._errors():
            if id not in self._own:
                self._read(id, {name: size for name, size in self._sizes(id).items() if name not in _CHECKPOINTS})

    def delete(self, id: str, *, local: bool = False) -> None:
        """Delete the copy of a run, or only the folder on this machine if another service has deleted the copy.

        Raises:
            StorageError: the store cannot be written.
        """
        for times in (self._uploaded, self._uploaded_at, self._refreshed_at):
            times.pop(id, None)
        if local:
            shutil.rmtree(self._jobs / id, ignore_errors=True)
            return
        with self._errors():
            if self._files.exists(self._path(id)):
                self._files.rm(self._path(id), recursive=True)

    def _read(self, id: str, sizes: Mapping[str, int], *, always: tuple[str, ...] = ()) -> None:
        """Download the files whose size differs, and those that `always` names; the result last."""
        for name in sorted(sizes, key=lambda name: name == run_layout.RESULT):
            file = self._jobs / id / name
            if name in always or not file.exists() or file.stat().st_size != sizes[name]:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(file, self._files.cat_file(self._path(id, name)), fsync=False)

    def _sizes(self, id: str) -> dict[str, int]:
        """Return the files of a copy with their sizes; empty without a copy."""
        self._files.invalidate_cache()
        prefix = self._path(id).strip("/") + "/"
        found: dict[str, dict[str, Any]] = self._files.find(self._path(id), detail=True)
        return {name.strip("/").removeprefix(prefix): int(info["size"]) for name, info in found.items()}

    def _write(self, id: str, name: str, content: bytes) -> None:
        path = self._path(id, name)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(path, content)

    def _path(self, *parts: str) -> str:
        return "/".join([self._root.rstrip("/"), *parts])

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(
                f"无法使用存储 {_without_password(self._url)}：{reason}。请检查地址和权限。",
                f"Cannot use the store {_without_password(self._url)}: {reason}. Check its address and your permissions.",
            ) from error


def _upload_last(name: str) -> tuple[int, str]:
    """Sort the files in the order in which they are read; they are written in the reverse order, the result last."""
    order = (run_layout.RESULT, *_CHECKPOINTS, run_layout.EVENTS)
    return order.index(name) if name in order else len(order), name


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it."""
    try:
        from fsspec.core import url_to_fs  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
    except ImportError as error:
        raise MissingExtra(
            '--store 需要安装：pip install "danqing[store]"。', '--store requires: pip install "danqing[store]".'
        ) from error
    try:
        files, root = cast("tuple[Any, str]", url_to_fs(url))
    except ImportError as error:
        raise MissingExtra(f"--store {url}：{error}。", f"--store {url}: {error}.") from error
    except (ValueError, OSError) as error:
        raise InvalidRequest(
            f"存储的地址 {url} 无效：{error}。例如 s3://bucket/danqing 或 file:///mnt/danqing。",
            f"Invalid address of the store {url}: {error}. Examples: s3://bucket/danqing, file:///mnt/danqing.",
        ) from error
    return files, root


def _without_password(url: str) -> str:
    return re.sub(r"(?<=:)[^:@/]+(?=@)", "***", url)
