"""Opens the jobs of a home after any kind of end: a crash, a restored or missing database, a full disk.

The rule: only a folder that a user's deletion has marked is removed. Everything else stays or is restored:

* A damaged database is moved to the folder `damaged`, and a new one is built from its readable rows and the folders of the runs.
* A folder without a row in the database is restored as an ended job, if it has the ID of a job and a readable request.
* Other files and folders are left in place.
* A stored job whose folder holds a finished run is finished.
"""

import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import MissingExtra, StorageError
from danqing.jobs.database import JobDatabase
from danqing.jobs.job_folders import JOBS, finish_deletions, read_job
from danqing.jobs.job_rows import RestoredJob
from danqing.jobs.job_store import JobStore
from danqing.jobs.runner_lease import requeue_lost
from danqing.jobs.salvage import salvage
from danqing.jobs.sqlite_database import FILE, DamagedDatabase, SqliteDatabase
from danqing.results import run_layout
from danqing.storage.atomic import HOME_ADVICE, storage_errors

_DAMAGED = "damaged"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedHome:
    """Result of opening the jobs of a home."""

    database: JobDatabase
    store: JobStore
    restored: tuple[str, ...]
    """IDs of jobs that were restored from their folders."""
    ignored: tuple[Path, ...]
    """Files and folders among the runs that belong to no job."""
    damaged: Path | None
    """Folder to which a damaged database was moved; None if it was intact."""


def open_jobs(home: Path, *, owner: str = "", url: str | None = None, runner: str = "") -> OpenedHome:
    """Open the stored jobs. Call only within `exclusive_home`, or `shared_home` for a database at a URL.

    Args:
        home: folder of the service.
        owner: API key that restored jobs belong to if their folder does not name one.
        url: PostgreSQL database that several services share; None for the file in the home.
        runner: ID of the runner that will claim jobs; empty for the only one.
    Raises:
        InvalidRequest: the URL is invalid.
        MissingExtra: the library for PostgreSQL is not installed.
        StorageError: the home cannot be read or written, or the database was written by a newer version. Nothing is changed.
    """
    database, damaged = _open_database(home) if url is None else (_connect(url), None)
    try:
        store = JobStore(database, home / JOBS, runner=runner)
        if database.is_shared:
            database.transaction(lambda connection: requeue_lost(database, connection))
        else:
            store.requeue_running()
        finish_deletions(store, home / JOBS)
        restored, ignored = _restore_folders(store, home / JOBS, owner)
    except BaseException:
        database.close()
        raise
    return OpenedHome(database, store, restored, ignored, damaged)


def _open_database(home: Path) -> tuple[SqliteDatabase, Path | None]:
    try:
        return SqliteDatabase(home), None
    except DamagedDatabase as error:
        log.error(
            "The job database %s is damaged (%s). It is rebuilt from its readable rows and the folders of the jobs.",
            home / FILE,
            error,
        )
    folder = home / _DAMAGED / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 10**9:09d}"
    with storage_errors(folder, HOME_ADVICE):
        folder.mkdir(parents=True)
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                os.replace(home / f"{FILE}{suffix}", folder / f"{FILE}{suffix}")
    try:
        database = SqliteDatabase(home)
        with storage_errors(folder, HOME_ADVICE):
            log.warning("%d rows of the damaged database were readable and are kept.", salvage(folder, database))
        return database, folder
    except DamagedDatabase as error:
        raise StorageError(
            f"无法新建任务数据库 {home / FILE}：{error}。请检查磁盘。",
            f"Cannot create the job database {home / FILE}: {error}. Check the disk.",
        ) from error


def _connect(url: str) -> JobDatabase:
    try:
        from danqing.jobs.postgres_database import PostgresDatabase
    except ImportError as error:
        raise MissingExtra(
            'PostgreSQL 数据库需要安装：pip install "danqing[postgresql]"。',
            'A PostgreSQL database requires: pip install "danqing[postgresql]".',
        ) from error
    return PostgresDatabase(url)


def _restore_folders(store: JobStore, jobs: Path, owner: str) -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Restore the jobs of unknown folders; returns their IDs and the paths that belong to no job."""
    states = {id: store.state(id) for id in store.ids()}
    missing: list[RestoredJob] = []
    finished: list[RestoredJob] = []
    ignored: list[Path] = []
    for path in sorted(jobs.iterdir()) if jobs.is_dir() else ():
        if path.name in states:
            if states[path.name] != "finished" and (path / run_layout.RESULT).exists():
                finished.extend(read_job(path, owner))
            continue
        found = list(read_job(path, owner))
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
