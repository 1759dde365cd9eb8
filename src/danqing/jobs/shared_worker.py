"""One worker process that several supervisors use, each for one job: their jobs are painted together."""

import threading
from collections.abc import Callable
from contextlib import suppress

from danqing.errors import InvalidRequest, JobNotFound
from danqing.jobs.job import Job
from danqing.jobs.job_store import ClaimedJob, JobStore
from danqing.jobs.worker_process import OnMessage, ProcessExited, WorkerHandle
from danqing.jobs.worker_protocol import (
    Command,
    Configure,
    JobEnded,
    Ready,
    RoomForJobs,
    StartFailed,
    StartJob,
    WorkerMessage,
)
from danqing.request.steps import plan_key


class SharedWorker:
    """Starts a worker process for several supervisors, passes their messages on, and chooses jobs that fit together.

    The first job is that at the head of the queue. Others join while the worker reports room for them, if they are at the head
    of the queue and of the same kind: no job waits longer than in its order. After the process has died during several jobs it
    paints one at a time, so that the job that kills it fails and the others do not.

    Args:
        start_process: starts the process.
        store: the queue.
        interrupt: called with the IDs of jobs that must return to the queue.
    """

    def __init__(
        self, start_process: Callable[[OnMessage], WorkerHandle], store: JobStore, interrupt: Callable[[str], None]
    ) -> None:
        self._start_process = start_process
        self._store = store
        self._interrupt = interrupt
        self._lock = threading.RLock()
        self._process: WorkerHandle | None = None
        self._ready: Ready | StartFailed | None = None
        self._users: dict[_Connection, OnMessage] = {}
        self._jobs: dict[str, Job] = {}
        self._room = 1
        self._alone = False

    def connect(self, on_message: OnMessage) -> WorkerHandle:
        """Return a handle of the process, which is started if it does not run."""
        with self._lock:
            if self._process is None:
                self._ready = None
                self._process = self._start_process(self._on_message)
            connection = _Connection(self, self._process, first=not self._users)
            self._users[connection] = on_message
            if self._ready is not None:
                on_message(connection, self._ready)
            return connection

    def claim(self) -> ClaimedJob | None:
        """Mark the first job of the queue as running if it can be painted beside the current ones; None otherwise."""
        with self._lock:
            if self._jobs and (self._alone or len(self._jobs) >= self._room):
                return None
            claimed = self._claim_same_kind() if self._jobs else self._store.claim()
            if claimed is not None:
                self._jobs[claimed.job.id] = claimed.job
            return claimed

    def release(self, id: str) -> None:
        """Record that a job has ended or returned to the queue."""
        with self._lock:
            self._jobs.pop(id, None)
            if not self._jobs:
                self._room = 1

    def _claim_same_kind(self) -> ClaimedJob | None:
        with suppress(
            InvalidRequest, JobNotFound
        ):  # it is claimed, and fails, when it is alone; it was deleted meanwhile
            first = self._store.first_queued()
            if first is not None and _kind(first) == _kind(next(iter(self._jobs.values()))):
                return self._store.claim(only=first.id)
        return None

    def _on_message(self, process: WorkerHandle, message: WorkerMessage | ProcessExited) -> None:
        with self._lock:
            if process is not self._process:
                return
            users, others = tuple(self._users.items()), list[str]()
            if isinstance(message, RoomForJobs):
                self._room = message.jobs
            elif isinstance(message, Ready | StartFailed):
                self._ready = message
            elif isinstance(message, ProcessExited):
                self._process, self._users, self._room = None, {}, 1
                others = [connection.job for connection, _ in users if connection.job is not None][1:]
                self._alone = self._alone or bool(others)
        job = getattr(message, "job", None)
        for connection, on_message in users:
            if job is None or job == connection.job:
                on_message(connection, message)
            if isinstance(message, JobEnded) and job == connection.job:
                connection.job = None
        for id in others:
            self._interrupt(id)


class _Connection:
    """The process as one supervisor uses it; see `WorkerHandle`."""

    def __init__(self, shared: SharedWorker, process: WorkerHandle, *, first: bool) -> None:
        self._shared = shared
        self._process = process
        self._first = first
        self.job: str | None = None

    @property
    def pid(self) -> int | None:
        """Process ID."""
        return self._process.pid

    def send(self, command: Command) -> None:
        """Send a command; only one of the supervisors configures the process."""
        if isinstance(command, Configure) and not self._first:
            return
        if isinstance(command, StartJob):
            self.job = command.job
        self._process.send(command)

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()


def _kind(job: Job) -> object:
    """Return what jobs that are painted together have in common: everything except the prompts, seeds and pictures.

    Raises:
        InvalidRequest: the stored request is invalid.
    """
    common = {"seed": None, "prompts": ("",), "style": None, "artist": None}
    finishing = {"inscription": None, "signature": None, "seal": None}
    return plan_key(job.request).model_copy(update={**common, **finishing}).model_dump()
