"""Job runner of one machine: jobs in a database on disk, one worker process per device."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Self
from uuid import uuid4

from prometheus_client import CollectorRegistry

from danqing.errors import JobConflict, JobNotFound, StorageError
from danqing.jobs.database import JobDatabase
from danqing.jobs.eta import request_cost, retry_after, seconds_left, with_progress
from danqing.jobs.event_log import follow_events
from danqing.jobs.housekeeping import Housekeeper, exclusive_home, shared_home
from danqing.jobs.job import ENDED, USUAL_JOBS, Job, NumberedEvent, RunnerLimits, State
from danqing.jobs.job_filter import ALL_JOBS, JobFilter
from danqing.jobs.job_folders import JOBS, delete_job
from danqing.jobs.job_rows import RequestKey
from danqing.jobs.job_store import Admission, JobStore, request_digest
from danqing.jobs.memory_estimates import MemoryEstimates
from danqing.jobs.metrics import RunnerMetrics
from danqing.jobs.open_home import open_jobs
from danqing.jobs.progress import Progress, ProgressTracker
from danqing.jobs.run_store import RunStore
from danqing.jobs.runner_lease import RunnerLease
from danqing.jobs.shared_worker import SharedWorker
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.jobs.status import Health
from danqing.jobs.submission import RETRY_AFTER_STOP, Submission, parse_job_id, rejection_error, to_new_job
from danqing.jobs.supervisor_context import SupervisorContext
from danqing.jobs.worker_process import WorkerProcess
from danqing.jobs.worker_supervisor import WorkerSupervisor
from danqing.request import Request
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.zoo.registry import get_spec

_PAUSED = "paused"
"""Empty file in the home while the queue is paused."""


class LocalJobRunner:
    """Runs jobs in worker processes of this machine. See `JobRunner` for its methods.

    Args:
        settings: jobs are stored in `settings.service`, and in the database `settings.database` if it is given.
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
        self._memory = MemoryEstimates()
        self._supervisors: tuple[WorkerSupervisor, ...] = ()
        self._open_store: JobStore | None = None
        self._lease: RunnerLease | None = None
        self._runs: RunStore | None = None
        self._id = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}" if settings.database else ""
        self._stopping = False
        self._exit = ExitStack()

    def start(self) -> None:
        """Load the stored jobs and start the workers; see `JobRunner.start`."""
        with ExitStack() as exit:
            exit.enter_context((shared_home if self._settings.database else exclusive_home)(self._home))
            opened = open_jobs(self._home, url=self._settings.database, runner=self._id)
            exit.callback(opened.database.close)
            self._open_store = opened.store
            if self._settings.store is not None:
                self._runs = RunStore(self._settings.store, self._home / JOBS)
            context = SupervisorContext(
                self._settings,
                self._limits,
                opened.store,
                self._tracker,
                self._metrics,
                self._memory,
                may_start_jobs=lambda: self._has_disk_space() and not self.paused,
                preload=self._preload,
                start_process=partial(WorkerProcess, workers=len(self._devices)),
                runs=self._runs,
            )
            self._supervisors = self._create_supervisors(context)
            if isinstance(opened.database, SqliteDatabase):
                exit.callback(Housekeeper(self._delete_old, opened.database.restore_reserve).stop)
            else:
                exit.callback(Housekeeper(self._delete_old).stop)
                exit.callback(self._share(opened.database).stop)
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
        if id is None or store.key(submission.id) is None:
            self._reject_when_stopping()
            self.reject_when_full()  # checked again by `add`, after the expensive checks
            admission = store.add(to_new_job(submission, self._settings, self._limits), limits=self._limits)
            self._check(admission)
            self._wake_workers(submission.id)
            if admission == "accepted":
                return self.get(submission.id)
        if store.key(submission.id) != key:
            raise JobConflict(
                f"任务 ID {submission.id} 已用于另一个请求。请换一个 ID。",
                f"The job ID {submission.id} is used by a different request. Choose another one.",
            )
        return self.get(submission.id)

    def reject_when_full(self) -> None:
        """Raise QueueFull if the queue is full; see `JobRunner.reject_when_full`."""
        if self._store().queued_count() >= self._limits.queue:
            self._check("queue_full")

    def get(self, id: str) -> Job:
        """Return the current state of a job."""
        store = self._store()
        job = with_progress(store.get(id), self._tracker)
        self._refresh(id)
        workers = self._lease.total_workers if self._lease else len(self._devices)
        seconds = seconds_left(job, store, self._tracker, workers=max(workers, 1))
        return replace(job, seconds_left=seconds)

    def jobs(
        self,
        *,
        owner: str | None = None,
        states: Sequence[State] = (),
        limit: int = 50,
        before: str | None = None,
        matching: JobFilter = ALL_JOBS,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first; see `JobRunner.jobs`."""
        jobs = self._store().list_jobs(owner, states, limit=limit, before=before, matching=matching)
        return tuple(with_progress(job, self._tracker) for job in jobs)

    def cancel(self, id: str) -> Job:
        """Cancel a job; see `JobRunner.cancel`."""
        store = self._store()
        if store.state(id) not in ENDED and store.cancel(id):
            self._metrics.job_ended("cancelled")
        self._for_each_supervisor(lambda supervisor: supervisor.cancel(id))
        self._tracker.notify(id)
        return self.get(id)

    def move(self, id: str, place: int, *, owner: str | None = None) -> Job:
        """Move a queued job; see `JobRunner.move`."""
        store = self._store()
        store.state(id)  # raises JobNotFound
        store.move(id, place, owner=owner)
        return self.get(id)

    @property
    def paused(self) -> bool:
        """True if queued jobs are not started."""
        return (self._home / _PAUSED).exists()

    def pause(self, paused: bool) -> None:
        """Start no more queued jobs, or start them again."""
        file = self._home / _PAUSED
        with storage_errors(file, HOME_ADVICE):
            if paused:
                file.touch()
            else:
                file.unlink(missing_ok=True)
        for supervisor in self._supervisors:
            supervisor.wake()

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
        if self._runs is not None:
            self._runs.delete(id)
        delete_job(store, id)
        self._tracker.delete(id)

    def events(self, id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[NumberedEvent | None]:
        """Yield the events of a job as they happen; see `JobRunner.events`."""
        store = self._store()
        store.state(id)  # raises JobNotFound
        return follow_events(store, self._tracker, id, after=after, timeout=timeout, refresh=self._refresh)

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

    def estimate_seconds(self, request: Request) -> float | None:
        """Return the seconds that painting a complete request takes; see `JobRunner.estimate_seconds`."""
        pace = self._tracker.seconds_per_unit
        resolution = get_spec(request.model, self._settings).resolution
        return None if pace is None else request_cost(request, resolution) * pace

    def estimate_memory(self, request: Request) -> int | None:
        """Return the bytes that a complete request needs; see `JobRunner.estimate_memory`."""

        def ask(key: str, part: Request) -> None:
            for supervisor in self._supervisors[:1]:
                supervisor.estimate_memory(key, part)

        return self._memory.get(request, ask)

    def subscribe(self, on_change: Callable[[str], None]) -> Callable[[], None]:
        """Call a function after each change of any job; see `JobRunner.subscribe`."""
        return self._tracker.subscribe(on_change)

    def health(self) -> Health:
        """Return the data of a readiness probe."""
        counts = self._store().counts()
        return Health(
            workers=tuple(supervisor.health for supervisor in self._supervisors if not supervisor.is_dormant),
            queued=counts["queued"],
            painting=counts["painting"],
            disk_free=shutil.disk_usage(self._home).free,
            disk_ok=self._has_disk_space() and os.access(self._home, os.W_OK),
            stopping=self._stopping,
        )

    def metrics(self) -> CollectorRegistry:
        """Return the Prometheus registry with its gauges up to date."""
        return self._metrics.update(self.health())

    def _share(self, database: JobDatabase) -> RunnerLease:
        """Share the jobs with the runners of other services."""
        database.subscribe(self._on_change)
        self._lease = RunnerLease(
            database,
            self._id,
            workers=len(self._devices),
            running=self._running_jobs,
            on_cancel=lambda id: self._for_each_supervisor(lambda supervisor: supervisor.cancel(id)),
            on_lost=self._interrupt,
        )
        return self._lease

    def _interrupt(self, id: str) -> None:
        self._for_each_supervisor(lambda supervisor: supervisor.interrupt(id))

    def _refresh(self, id: str) -> None:
        """Copy what another service has painted of a job."""
        if self._runs is not None:
            with suppress(StorageError):  # the copies here are shown
                self._runs.refresh(id)

    def _running_jobs(self) -> dict[str, Progress]:
        running = [supervisor.health.job for supervisor in self._supervisors]
        return {id: self._tracker.progress(id) for id in running if id is not None}

    def _on_change(self, id: str, state: str) -> None:
        """Handle a change of a job in the shared database."""
        if not id:
            self._tracker.notify_all()
        elif state == "deleted":
            if self._runs is not None:
                self._runs.delete(id, local=True)
            self._tracker.delete(id)
        else:
            self._tracker.notify(id)
            if state == "finished" and self._runs is not None:
                threading.Thread(target=self._refresh, args=(id,), daemon=True).start()
        if state in ("", "queued"):
            self._for_each_supervisor(WorkerSupervisor.wake)

    def _for_each_supervisor(self, call: Callable[[WorkerSupervisor], None]) -> None:
        for supervisor in self._supervisors:
            call(supervisor)

    def _create_supervisors(self, context: SupervisorContext) -> tuple[WorkerSupervisor, ...]:
        return tuple(supervisor for device in self._devices for supervisor in self._supervise(device, context))

    def _supervise(self, device: str, context: SupervisorContext) -> Iterator[WorkerSupervisor]:
        """Yield the supervisors of the worker on a device, one for each job that it may paint at the same time."""
        name = self._settings.device if device == "auto" else device
        most = self._limits.together or (1 if name == "cpu" else USUAL_JOBS)
        if most == 1:
            yield WorkerSupervisor(device, context)
            return
        shared = SharedWorker(context.start_process, context.store, self._interrupt)
        for number in range(most):
            own = replace(context, start_process=shared.connect, shared=shared, spare=number > 0)
            yield WorkerSupervisor(device, own)

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
        self._for_each_supervisor(WorkerSupervisor.wake)

    def _has_disk_space(self) -> bool:
        return shutil.disk_usage(self._home).free >= self._limits.free_bytes

    def _delete_old(self) -> None:
        days = self._limits.keep_days
        for id in self._store().ids(ended_before=time.time() - days * 86400) if days is not None else ():
            with suppress(JobNotFound):  # deleted by another service
                self.delete(id)
