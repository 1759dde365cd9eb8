"""The runs of the command line and of Python, as ended jobs that the service can show."""

import base64
import mimetypes
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from danqing.errors import JobConflict, JobNotFound, RunNotFound
from danqing.jobs.job import Job, State
from danqing.jobs.job_filter import ALL_JOBS, JobFilter
from danqing.request.pictures import holds_picture
from danqing.results import run_layout
from danqing.results.run import Run
from danqing.settings import Settings
from danqing.storage.atomic import storage_errors
from danqing.storage.lock import Lock


class OtherRuns:
    """The registered runs of a home that are not jobs of its service. Read-only, except for `delete`.

    Each run has the UUID of its folder's path as ID. A run that is unfinished is 'painting' while a program writes to its
    folder, and 'cancelled' otherwise.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache: dict[str, tuple[int, Job]] = {}  # folder -> modification time of the request, and the run as a job

    def jobs(self, *, limit: int, matching: JobFilter = ALL_JOBS) -> tuple[Job, ...]:
        """Return runs as jobs, newest first, without their pictures."""
        found = [job for job in self._all() if matching.matches(job.id, dict(job.values), job.created)]
        found.sort(key=lambda job: job.created, reverse=True)
        return tuple(_with_state(job) for job in found[:limit])

    def get(self, id: str) -> Job:
        """Return a run as a job, with its initial image as a data URI, and without mask and reference pictures, which are paths.

        Raises:
            JobNotFound: no run has this ID.
        """
        for job in self._all():
            if job.id == id:
                return _with_state(_with_init_image(job))
        raise JobNotFound(f"没有任务 {id}。", f"There is no job {id}.")

    def delete(self, id: str) -> None:
        """Delete the folder of a run.

        Raises:
            JobNotFound: no run has this ID.
            JobConflict: a program writes to the folder.
            StorageError: it cannot be deleted.
        """
        job = self.get(id)
        if job.state == "painting":
            zh = "另一个程序正在画这幅画，结束后才能删除。"
            raise JobConflict(zh, "Another program is painting this picture. Delete it after that has ended.")
        with storage_errors(job.folder):
            shutil.rmtree(job.folder)

    def _all(self) -> list[Job]:
        try:
            lines = [os.fsdecode(line) for line in self._settings.runs_file.read_bytes().splitlines()]
        except OSError:
            return []
        return [job for folder in dict.fromkeys(lines) if (job := self._read(folder)) is not None]

    def _read(self, folder: str) -> Job | None:
        try:
            changed = (Path(folder) / run_layout.REQUEST).stat().st_mtime_ns
        except (OSError, ValueError):
            self._cache.pop(folder, None)
            return None
        known = self._cache.get(folder)
        if known is None or known[0] != changed:
            try:
                known = self._cache[folder] = (changed, _to_job(Run.open(folder), changed / 1e9))
            except RunNotFound:
                return None
        return known[1]


def _to_job(run: Run, created: float) -> Job:
    return Job(
        id=str(uuid5(NAMESPACE_URL, f"danqing-run:{run.folder}")),
        state="cancelled",
        values=run.request.model_dump(mode="json"),
        model=run.request.model,
        owner="",
        created=created,
        started=created,
        ended=None,
        folder=run.folder,
        is_run=True,
    )


def _with_state(job: Job) -> Job:
    """Return a run with what changes while it is painted."""
    state: State = "cancelled"
    ended = job.created
    with suppress(OSError):
        ended = (job.folder / run_layout.EVENTS).stat().st_mtime
    if (job.folder / run_layout.RESULT).exists():
        state = "finished"
    elif _is_locked(job.folder / run_layout.LOCK):
        state = "painting"
    return replace(job, state=state, ended=None if state == "painting" else ended, picture=len(job.pictures))


def _is_locked(file: Path) -> bool:
    if not file.exists():
        return False
    lock = Lock(file)
    try:
        if not lock.acquire():
            return True
        lock.release()
    except OSError:  # a folder of another user
        return False
    return False


def _with_init_image(job: Job) -> Job:
    """Return a run with its initial image as a data URI, and without other pictures, which are paths."""
    values = {name: None if holds_picture(name, value) else value for name, value in job.values.items()}
    source = job.values.get("init_image")
    if isinstance(source, str) and (kind := mimetypes.guess_type(source)[0]):
        with suppress(OSError):
            values["init_image"] = f"data:{kind};base64,{base64.b64encode(Path(source).read_bytes()).decode()}"
    return replace(job, values=values)
