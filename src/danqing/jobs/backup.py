"""Backup of the home of a service."""

import shutil
from contextlib import suppress
from pathlib import Path

from danqing.errors import StorageError
from danqing.jobs.job_folders import DELETED, JOBS
from danqing.jobs.sqlite_database import FILE, SqliteDatabase
from danqing.storage.atomic import storage_errors


def back_up(home: Path, target: Path, *, include_database: bool = True) -> int:
    """Copy the database and all runs to a new folder, also while the service runs.

    Args:
        home: folder of the service.
        target: folder to create; a later backup needs another one.
        include_database: copy the database file of the home; False if the database is elsewhere.
    Returns:
        Number of runs.
    Raises:
        StorageError: there is nothing to copy, the target exists, or it cannot be written.
    """
    if include_database and not (home / FILE).exists():
        raise StorageError(
            f"{home} 中没有任务数据库，无需备份。", f"There is no job database in {home}: nothing to back up."
        )
    with storage_errors(target):
        target.mkdir(parents=True)
        if include_database:
            database = SqliteDatabase(home)
            try:
                database.copy_to(target / FILE)
            finally:
                database.close()
        copied = 0
        for folder in sorted((home / JOBS).iterdir()) if (home / JOBS).exists() else ():
            if folder.is_dir() and not folder.name.startswith(DELETED):
                copied += _copy_folder(folder, target / JOBS / folder.name)
        for file in home.glob("keys*"):
            shutil.copy2(file, target)
    return copied


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
