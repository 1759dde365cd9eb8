"""The folders of jobs: the record that restores a job without the database, and deletion that survives a crash."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml

from danqing.jobs.job import Job
from danqing.jobs.job_rows import RequestKey, RestoredJob
from danqing.jobs.job_store import JobStore
from danqing.results import run_layout
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text

JOBS = "jobs"
"""Folder of the runs, in the home."""
RECORD = "job.json"
"""File in the folder of a run: the owner, the digest of the request and the time of creation."""
DELETED = ".deleted-"
"""Prefix of the name of a folder whose deletion has begun."""


def write_record(job: Job, key: RequestKey) -> None:
    """Store in the folder of a job what its run does not contain, so that it can be restored without the database.

    Raises:
        StorageError: the folder cannot be written.
    """
    record = {"owner": key.owner, "request_digest": key.digest, "created_at": job.created}
    with storage_errors(job.folder, HOME_ADVICE):
        job.folder.mkdir(parents=True, exist_ok=True)
    write_text(job.folder / RECORD, json.dumps(record) + "\n", advice=HOME_ADVICE)


def read_job(folder: Path, owner: str) -> Iterator[RestoredJob]:
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


def delete_job(store: JobStore, id: str) -> None:
    """Delete a job and its folder. A crash in between leaves a marked folder, which the next start removes."""
    folder = store.folder(id)
    marked = folder.with_name(DELETED + id)
    with storage_errors(folder, HOME_ADVICE), suppress(FileNotFoundError):
        folder.rename(marked)
    store.delete(id)
    shutil.rmtree(marked, ignore_errors=True)


def finish_deletions(store: JobStore, jobs: Path) -> None:
    """Remove the marked folders and the rows of deletions that a crash interrupted."""
    for folder in jobs.glob(f"{DELETED}*"):
        store.delete(folder.name.removeprefix(DELETED))
        shutil.rmtree(folder, ignore_errors=True)


def _read_record(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        record = json.loads((folder / RECORD).read_text("utf-8"))
        if isinstance(record, dict):
            return cast("dict[str, Any]", record)
    return {}


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
