"""Opens the jobs of a home after any kind of end: a crash, a restored or missing database, a full disk.

The rule: only a folder that a user's deletion has marked is removed. Everything else stays or is restored:

* A damaged database is moved to the folder `damaged`, and a new one is built from the folders of the runs.
* A folder without a row in the database is restored as an ended job, if it has the ID of a job and a readable request.
* Other files and folders are left in place.
* A stored job whose folder holds a finished run is finished.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml

from danqing.errors import StorageError
from danqing.jobs.database import FILE, DamagedDatabase, JobDatabase
from danqing.jobs.job import Job
from danqing.jobs.job_store import JobStore, RequestKey, RestoredJob
from danqing.results import run_layout
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text

JOBS = "jobs"
"""Folder of the runs, in the home."""
RECORD = "job.json"
"""File in the folder of a run: the owner, the digest of the request and the time of creation."""
_DELETED = ".deleted-"
_DAMAGED = "damaged"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Result of opening the jobs of a home."""

    database: JobDatabase
    store: JobStore
    restored: tuple[str, ...]
    """IDs of jobs that were restored from their folders."""
    ignored: tuple[Path, ...]
    """Files and folders among the runs that belong to no job."""
    damaged: Path | None
    """Folder to which a damaged database was moved; None if it was intact."""


def open_jobs(home: Path, *, owner: str = "") -> Recovery:
    """Open the stored jobs. Call only within `exclusive_home`.

    Args:
        home: folder of the service.
        owner: API key that restored jobs belong to if their folder does not name one.
    Raises:
        StorageError: the home cannot be read or written, or the database was written by a newer version. Nothing is changed.
    """
    database, damaged = _open_database(home)
    try:
        store = JobStore(database, home / JOBS)
        store.requeue_running()
        _finish_deletions(store, home / JOBS)
        restored, ignored = _restore_folders(store, home / JOBS, owner)
    except BaseException:
        database.close()
        raise
    return Recovery(database, store, restored, ignored, damaged)


def write_record(job: Job, key: RequestKey) -> None:
    """Store in the folder of a job what its run does not contain, so that it can be restored without the database.

    Raises:
        StorageError: the folder cannot be written.
    """
    record = {"owner": key.owner, "request_digest": key.digest, "created_at": job.created}
    with storage_errors(job.folder, HOME_ADVICE):
        job.folder.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / RECORD, json.dumps(record) + "\n", advice=HOME_ADVICE)


def delete_job(store: JobStore, id: str) -> None:
    """Delete a job and its folder. A crash in between leaves a marked folder, which the next start removes."""
    folder = store.folder(id)
    marked = folder.with_name(_DELETED + id)
    with storage_errors(folder, HOME_ADVICE), suppress(FileNotFoundError):
        folder.rename(marked)
    store.delete(id)
    shutil.rmtree(marked, ignore_errors=True)


def back_up(home: Path, target: Path) -> int:
    """Copy the database and all runs to a new folder, also while the service runs.

    Args:
        home: folder of the service.
        target: folder to create; a later backup needs another one.
    Returns:
        Number of runs.
    Raises:
        StorageError: there is nothing to copy, the target exists, or it cannot be written.
    """
    if not (home / FILE).exists():
        raise StorageError(
            f"{home} 中没有任务数据库，无需备份。", f"There is no job database in {home}: nothing to back up."
        )
    with storage_errors(target):
        target.mkdir(parents=True)
        database = JobDatabase(home)
        try:
            database.copy_to(target / FILE)
        finally:
            database.close()
        copied = 0
        for folder in sorted((home / JOBS).iterdir()) if (home / JOBS).exists() else ():
            if folder.is_dir() and not folder.name.startswith(_DELETED):
                copied += _copy_folder(folder, target / JOBS / folder.name)
        for file in home.glob("keys*"):
            shutil.copy2(file, target)
    return copied


def _open_database(home: Path) -> tuple[JobDatabase, Path | None]:
    try:
        return JobDatabase(home), None
    except DamagedDatabase as error:
        log.error(
            "The job database %s is damaged (%s). It is rebuilt from the folders of the jobs.", home / FILE, error
        )
    folder = home / _DAMAGED / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    with storage_errors(folder, HOME_ADVICE):
        folder.mkdir(parents=True)
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(home / f"{FILE}{suffix}", folder / f"{FILE}{suffix}")
    try:
        return JobDatabase(home), folder
    except DamagedDatabase as error:
        raise StorageError(
            f"无法新建任务数据库 {home / FILE}：{error}。请检查磁盘。",
            f"Cannot create the job database {home / FILE}: {error}. Check the disk.",
        ) from error


def _finish_deletions(store: JobStore, jobs: Path) -> None:
    for folder in jobs.glob(f"{_DELETED}*"):
        store.delete(folder.name.removeprefix(_DELETED))
        shutil.rmtree(folder, ignore_errors=True)


def _restore_folders(store: JobStore, jobs: Path, owner: str) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Restore the jobs of unknown folders; returns their IDs and the paths that belong to no job."""
    states = {id: store.state(id) for id in store.ids()}
    missing: list[RestoredJob] = []
    finished: list[RestoredJob] = []
    ignored: list[Path] = []
    for path in sorted(jobs.iterdir()) if jobs.is_dir() else ():
        if path.name in states:
            if states[path.name] != "finished" and (path / run_layout.RESULT).exists():
                finished.extend(_read_job(path, owner))
            continue
        found = list(_read_job(path, owner))
        missing.extend(found)
        if not found:
            ignored.append(path)
    store.restore([*finished, *sorted(missing, key=lambda job: job.created)])
    if missing:
        log.warning("Restored %d jobs from their folders; the database did not contain them.", len(missing))
    if ignored:
        log.warning(
            "%s contains %d files or folders that belong to no job; they are left in place.", jobs, len(ignored)
        )
    return tuple(job.id for job in missing), tuple(ignored)


def _read_job(folder: Path, owner: str) -> Iterator[RestoredJob]:
    """Yield the job of a folder; nothing if it is not the folder of a job."""
    try:
        if str(UUID(folder.name)) != folder.name:
            return
        request = folder / run_layout.REQUEST
        values = yaml.safe_load(request.read_text("utf-8"))
        written = request.stat().st_mtime
    except (OSError, ValueError, yaml.YAMLError):
        return
    if not isinstance(values, dict):
        return
    record = _read_record(folder)
    result = folder / run_layout.RESULT
    yield RestoredJob(
        id=folder.name,
        state="finished" if result.exists() else "cancelled",
        key=RequestKey(str(record.get("request_digest", "")), str(record.get("owner") or owner)),
        values=cast("dict[str, object]", values),
        created=_number(record.get("created_at"), written),
        ended=result.stat().st_mtime if result.exists() else written,
    )


def _read_record(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        record = json.loads((folder / RECORD).read_text("utf-8"))
        if isinstance(record, dict):
            return cast("dict[str, Any]", record)
    return {}


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _copy_folder(source: Path, target: Path) -> int:
    """Copy a run that may be in progress: a file that disappears meanwhile is skipped. Returns 1."""
    target.mkdir(parents=True)
    for path in source.rglob("*"):
        copy = target / path.relative_to(source)
        with suppress(FileNotFoundError):
            if path.is_dir():
                copy.mkdir(parents=True, exist_ok=True)
            else:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
    return 1
