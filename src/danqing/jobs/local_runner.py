"""Job runner of one machine: jobs in a database on disk, one worker process per device."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

from prometheus_client import CollectorRegistry

from danqing.errors import JobConflict
from danqing.jobs.eta import retry_after, seconds_left, with_progress
from danqing.jobs.event_log import follow_events
from danqing.jobs.housekeeping import Housekeeper, exclusive_home
from danqing.jobs.job import ENDED, Job, NumberedEvent, RunnerLimits, State
from danqing.jobs.job_store import Admission, JobStore, RequestKey, request_digest
from danqing.jobs.metrics import RunnerMetrics
from danqing.jobs.progress import ProgressTracker
from danqing.jobs.recovery import delete_job, open_jobs
from danqing.jobs.status import Health
from danqing.jobs.submission import RETRY_AFTER_STOP, Submission, parse_job_id, rejection_error, to_new_job
from danqing.jobs.worker_supervisor import SupervisorContext, WorkerSupervisor
from danqing.request import Request
from danqing.settings import Settings


class LocalJobRunner:
    """Runs jobs in worker processes of this machine. See `JobRunner` for its methods.

    Args:
        settings: jobs are stored in `settings.service`.
        limits: limits of the queue and of one job.
        devices: one worker process for each.
        preload: model that each worker loads before it is ready; auto for the default model.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        limits: RunnerLimits | None = None,
        devices: Sequence[str] = ("auto",),
        preload: str = "auto",
    ) -> None:
        self._settings = settings
        self._limits = limits or RunnerLimits()
        self._devices = tuple(devices)
        self._preload = preload
        self._home = settings.service
        self._tracker = ProgressTracker()
        self._metrics = RunnerMetrics()
        self._supervisors: tuple[WorkerSupervisor, ...] = ()
        self._open_store: JobStore | None = None
        self._stopping = False
        self._exit = ExitStack()

    def start(self) -> None:
        """Load the stored jobs and start the workers; see `JobRunner.start`."""
        with ExitStack() as exit:
            exit.enter_context(exclusive_home(self._home))
            recovery = open_jobs(self._home)
            exit.callback(recovery.database.close)
            self._open_store = recovery.store
            context = SupervisorContext(
                self._settings,
                self._limits,
                recovery.store,
                self._tracker,
                self._metrics,
                has_disk_space=self._has_disk_space,
                preload=self._preload,
                workers=len(self._devices),
            )
            self._supervisors = tuple(WorkerSupervisor(device, context) for device in self._devices)
            exit.callback(Housekeeper(self._delete_old, recovery.database.restore_reserve).stop)
            for supervisor in self._supervisors:
                supervisor.start()
            self._exit = exit.pop_all()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop the workers in order; see `JobRunner.stop`."""
        deadline = time.monotonic() + seconds
        self._stopping = True
        self._tracker.close()
        for supervisor in self._supervisors:
            supervisor.stop()
        for supervisor in self._supervisors:
            supervisor.join(deadline - time.monotonic())
        self._open_store = None  # later calls raise ServiceStopping
        self._exit.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def submit(self, request: Request, *, id: str | None = None, owner: str = "", retry_seconds: float = 0.0) -> Job:
        """Queue a job; see `JobRunner.submit`."""
        store = self._store()
        key = RequestKey(request_digest(request), owner)
        submission = Submission(parse_job_id(id), key, request)
        if retry_seconds > 0 and (earlier := store.find_unfinished(key, created_after=time.time() - retry_seconds)):
            return self.get(earlier)
        if store.key(submission.id) is None:
            self._reject_when_stopping()
            self._check(store.add(to_new_job(submission, self._settings, self._limits), limits=self._limits))
            self._wake_workers(submission.id)
        if store.key(submission.id) != key:
            raise JobConflict(
                f"任务 ID {submission.id} 已用于另一个请求。请换一个 ID。",
                f"The job ID {submission.id} is used by a different request. Choose another one.",
            )
        return self.get(submission.id)

    def get(self, id: str) -> Job:
        """Return the current state of a job."""
        store = self._store()
        job = with_progress(store.get(id), self._tracker)
        seconds = seconds_left(job, store, self._tracker, workers=max(len(self._devices), 1))
        return replace(job, seconds_left=seconds)

    def jobs(
        self, *, owner: str | None = None, states: Sequence[State] = (), limit: int = 50, before: str | None = None
    ) -> tuple[Job, ...]:
        """Return jobs, newest first; see `JobRunner.jobs`."""
        jobs = self._store().list_jobs(owner, states, limit=limit, before=before)
        return tuple(with_progress(job, self._tracker) for job in jobs)

    def cancel(self, id: str) -> Job:
        """Cancel a job; see `JobRunner.cancel`."""
        store = self._store()
        if store.state(id) not in ENDED and store.cancel(id):
            self._metrics.job_ended("cancelled")
        for supervisor in self._supervisors:
            supervisor.cancel(id)
        self._tracker.notify(id)
        return self.get(id)

    def resume(self, id: str) -> Job:
        """Queue a failed or cancelled job again; see `JobRunner.resume`."""
        store = self._store()
        job = store.get(id)
        if job.state == "finished" or job.cancelling:
            raise JobConflict(
                f"任务 {id} 已完成或正在取消，无法继续。",
                f"Job {id} is finished or is being cancelled and cannot be resumed.",
            )
        if job.is_ended:
            self._reject_when_stopping()
            self._check(store.resume(id, limits=self._limits))
            self._wake_workers(id)
        return self.get(id)

    def delete(self, id: str) -> None:
        """Delete an ended job and its folder."""
        store = self._store()
        if store.state(id) not in ENDED:
            raise JobConflict(
                f"任务 {id} 尚未结束，请先取消。", f"Job {id} has not ended. Cancel it before deleting it."
            )
        delete_job(store, id)
        self._tracker.delete(id)

    def events(self, id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[NumberedEvent | None]:
        """Yield the events of a job as they happen; see `JobRunner.events`."""
        store = self._store()
        store.state(id)  # raises JobNotFound
        return follow_events(store, self._tracker, id, after=after, timeout=timeout)

    def wait(self, id: str, timeout: float | None = None) -> Job:
        """Wait until a job has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            version = self._tracker.version(id)
            job = self.get(id)
            remaining = None if deadline is None else deadline - time.monotonic()
            if job.is_ended or self._stopping or (remaining is not None and remaining <= 0):
                return job
            self._tracker.wait(id, version, remaining)

    def subscribe(self, on_change: Callable[[str], None]) -> Callable[[], None]:
        """Call a function after each change of any job; see `JobRunner.subscribe`."""
        return self._tracker.subscribe(on_change)

    def health(self) -> Health:
        """Return the data of a readiness probe."""
        counts = self._store().counts()
        return Health(
            workers=tuple(supervisor.health for supervisor in self._supervisors),
            queued=counts["queued"],
            painting=counts["painting"],
            disk_free=shutil.disk_usage(self._home).free,
            disk_ok=self._has_disk_space() and os.access(self._home, os.W_OK),
            stopping=self._stopping,
        )

    def metrics(self) -> CollectorRegistry:
        """Return the Prometheus registry with its gauges up to date."""
        return self._metrics.update(self.health())

    def _store(self) -> JobStore:
        if self._open_store is None:
            raise rejection_error("stopping", self._limits, RETRY_AFTER_STOP)
        return self._open_store

    def _check(self, admission: Admission) -> None:
        if admission not in ("accepted", "duplicate"):
            self._metrics.job_rejected(admission)
            raise rejection_error(admission, self._limits, retry_after(self._store(), self._tracker))

    def _reject_when_stopping(self) -> None:
        if self._stopping:
            self._metrics.job_rejected("stopping")
            raise rejection_error("stopping", self._limits, RETRY_AFTER_STOP)

    def _wake_workers(self, id: str) -> None:
        self._tracker.notify(id)
        for supervisor in self._supervisors:
            supervisor.wake()

    def _has_disk_space(self) -> bool:
        return shutil.disk_usage(self._home).free >= self._limits.free_bytes

    def _delete_old(self) -> None:
        days = self._limits.keep_days
        for id in self._store().ids(ended_before=time.time() - days * 86400) if days is not None else ():
            self.delete(id)
