"""Supervises the worker process of one device: assigns jobs to it and replaces it when it crashes or hangs."""

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from danqing.errors import InvalidRequest, StorageError
from danqing.i18n import Text
from danqing.jobs import failures
from danqing.jobs.assignment import Assignment, Interrupt, Received
from danqing.jobs.demand import Demand
from danqing.jobs.eta import batch_costs
from danqing.jobs.job import Failure, Job, State
from danqing.jobs.job_folders import write_record
from danqing.jobs.progress import Progress
from danqing.jobs.status import WorkerHealth
from danqing.jobs.supervisor_context import SupervisorContext
from danqing.jobs.watchdog import Watchdog
from danqing.jobs.worker_process import ProcessExited, WorkerHandle
from danqing.jobs.worker_protocol import (
    CancelJob,
    Configure,
    EstimateMemory,
    EventLogged,
    Heartbeat,
    JobEnded,
    MemoryEstimated,
    Ready,
    RoomForJobs,
    Shutdown,
    StartFailed,
    StartJob,
    StepDone,
    WorkerMessage,
)
from danqing.request import Request

TICK = 1.0
"""Seconds between two checks without a message."""
MAX_BACKOFF = 30.0
"""Maximum seconds between two attempts to start a worker that fails to start."""

log = logging.getLogger(__name__)


class WorkerSupervisor:
    """A thread that keeps one worker process busy. All other methods are thread-safe.

    Args:
        device: device of the process.
        context: shared by the supervisors.
        demand: if given, the process only runs while there are jobs for it.
    """

    def __init__(self, device: str, context: SupervisorContext, *, demand: Demand | None = None) -> None:
        self._device = device
        self._context = context
        self._demand = demand
        self._inbox: SimpleQueue[Received | Interrupt | str | None] = SimpleQueue()  # a string is a job to cancel
        self._thread = threading.Thread(target=self._run, name=f"supervisor-{device}", daemon=True)
        self._stopping = False
        self._process: WorkerHandle | None = None
        self._ready = False
        self._problem: Text | None = None
        self._watchdog = Watchdog(context.limits.heartbeat_timeout)
        self._current: Assignment | None = None
        self._restarts = 0
        self._failed_starts = 0
        self._start_after = 0.0
        self._retiring = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Make the thread look for a new job now. Returns at once."""
        if self._inbox.empty():  # it looks for a job after every item
            self._inbox.put(None)

    def cancel(self, id: str) -> None:
        """Cancel a job if it is the current one."""
        self._inbox.put(id)

    def estimate_memory(self, key: str, request: Request) -> None:
        """Ask the worker for the memory of a request, which arrives in the estimates of the context."""
        process = self._process
        if process is not None and self._ready:
            process.send(EstimateMemory(key=key, request=request))

    def interrupt(self, id: str) -> None:
        """Return a job to the queue if it is the current one; it resumes from its checkpoint, possibly in another runner."""
        self._inbox.put(Interrupt(id))

    def stop(self) -> None:
        """Take no new job, and interrupt the current one. Returns at once, see `join`."""
        self._stopping = True
        self.wake()

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended; after that time the worker is killed."""
        self._thread.join(max(seconds, 0.0))
        while self._thread.is_alive():
            if self._process is not None:
                self._process.kill()
            self._thread.join(0.1)

    @property
    def health(self) -> WorkerHealth:
        """State of the worker."""
        process, current = self._process, self._current
        return WorkerHealth(
            self._device,
            process.pid if process else None,
            ready=self._ready and self._problem is None and self._watchdog.is_responsive(),
            job=current.job.id if current else None,
            restarts=self._restarts,
            problem=self._problem,
        )

    @property
    def is_dormant(self) -> bool:
        """True if no job needs it: its process only runs on demand and is not ready, or others use the same process."""
        return (self._demand is not None and not self._ready) or (self._context.spare and self._current is None)

    def _run(self) -> None:
        notified = False  # whether the worker was told to shut down
        while not (self._stopping and self._process is None):
            try:
                if self._stopping and not notified:
                    notified = True
                    self._shut_down_worker()
                self._tick()
                self._receive(self._inbox.get(timeout=TICK))
            except Empty:
                continue
            except StorageError as error:
                log.error("%s", error.en)
                time.sleep(TICK)
            except Exception:  # the queue must go on whatever happens
                log.exception("supervisor of %s", self._device)
                time.sleep(TICK)
        if self._current is not None:
            self._requeue(self._current.job)

    def _tick(self) -> None:
        """Start the worker if there is none, kill it if it hangs, and assign a job if it has none."""
        now = time.monotonic()
        if self._process is None and not self._stopping and now >= self._start_after:
            if self._demand is None or self._demand.may_start(self):
                self._start_worker()
        elif self._process is not None and (reason := self._watchdog.timeout_reason()) is not None:
            log.error("worker %s is replaced: %s", self._process.pid, reason)
            self._watchdog.reset()
            self._process.kill()
        if self._ready and self._current is None and not self._stopping and self._context.may_start_jobs():
            self._claim_job()
        if self._ready and self._current is not None and not self._current.sent:
            self._send_job(self._current)
        if self._ready and self._current is None and self._demand is not None and self._demand.may_stop(self):
            self._retire()

    def _retire(self) -> None:
        """Stop the worker, because no job needs it."""
        self._shut_down_worker()
        self._ready, self._retiring = False, True
        self._watchdog.reset()

    def _start_worker(self) -> None:
        self._watchdog.reset()
        self._ready = False
        context = self._context
        self._process = context.start_process(lambda process, message: self._inbox.put(Received(process, message)))
        self._process.send(
            Configure(
                settings=context.settings,
                device=self._device,
                models=context.limits.models,
                preload=context.preload,
                together=1 if context.shared is None else context.limits.together,
            )
        )

    def _claim_job(self) -> None:
        claimed = (self._context.shared or self._context.store).claim()
        if claimed is None:
            return
        job = claimed.job
        self._context.tracker.set(job.id, Progress(job.picture // job.batch_size, job.step, job.steps))
        self._current = Assignment(job, (), time.monotonic())
        self._context.metrics.job_started(claimed.queued_seconds)
        log.info("job %s started after %.1f s in the queue", job.id, claimed.queued_seconds)
        try:
            self._current.costs = batch_costs(job.request, job.resolution)
        except InvalidRequest as error:
            self._end_job(job, "failed", failures.to_failure(error))
            return
        self._context.tracker.set_costs(job.id, self._current.costs)
        self._write_record(job)
        self._context.tracker.notify(job.id)

    def _write_record(self, job: Job) -> None:
        key = self._context.store.key(job.id)
        try:
            if key is not None:
                write_record(job, key)
        except StorageError as error:  # the worker reports a full disk
            log.error("%s", error.en)

    def _send_job(self, current: Assignment) -> None:
        assert self._process is not None, "a worker that is ready exists"
        if self._context.runs is not None:
            self._context.runs.download_for(current.job)
        current.sent = True
        pace = self._context.tracker.seconds_per_unit
        self._watchdog.job_started(max(map(max, current.costs), default=0.0) * pace if pace else None)
        self._process.send(StartJob(job=current.job.id, folder=current.job.folder, request=current.job.request))

    def _receive(self, item: Received | Interrupt | str | None) -> None:
        if isinstance(item, str):
            self._cancel(item)
        elif isinstance(item, Interrupt):
            self._interrupt(item.job)
        elif item is not None and item.process is self._process:
            self._watchdog.message()
            self._on_message(item.message)

    def _on_message(self, message: WorkerMessage | ProcessExited) -> None:
        match message:
            case Ready():
                self._ready, self._failed_starts, self._problem = True, 0, message.problem
                self._set_idle()
                self._watchdog.reset(ready=True)
            case StartFailed():
                self._problem = message.problem
                log.error("worker on %s: %s", self._device, message.problem.en)
            case StepDone():
                self._on_step(message)
            case EventLogged():
                self._watchdog.progress()
                self._context.tracker.notify(message.job)
            case JobEnded():
                self._on_job_ended(message)
            case MemoryEstimated():
                self._context.memory.set(message.key, message.bytes)
            case ProcessExited():
                self._on_exit(message.code)
            case Heartbeat() | RoomForJobs():
                pass

    def _on_step(self, message: StepDone) -> None:
        current, tracker = self._current, self._context.tracker
        if current is None or current.job.id != message.job:
            return
        costs = current.costs[message.batch] if message.batch < len(current.costs) else ()
        cost = costs[message.step - 1] if message.step <= len(costs) else None
        pace = message.seconds / cost if cost else None
        tracker.advance(message.job, Progress(message.batch, message.step, message.steps), seconds_per_unit=pace)
        self._context.metrics.step_done(message.seconds)
        longest = max(costs, default=0.0) * (tracker.seconds_per_unit or 0.0)
        self._watchdog.progress(expected_step_seconds=max(longest, message.seconds))
        if self._context.runs is not None:
            self._context.runs.upload_sometimes(message.job)

    def _cancel(self, id: str) -> None:
        current = self._current
        if current is None or current.job.id != id:
            return
        if current.sent and self._process is not None:
            self._process.send(CancelJob(job=id))
        else:
            self._end_job(current.job, "cancelled")

    def _interrupt(self, id: str) -> None:
        current = self._current
        if current is None or current.job.id != id or current.interrupted:
            return
        if current.sent and self._process is not None:
            current.interrupted = True
            self._process.send(CancelJob(job=id))
        else:
            self._requeue(current.job)

    def _shut_down_worker(self) -> None:
        if self._process is not None:
            self._process.send(Shutdown())
            if not self._ready:  # still loading, without a job
                self._process.kill()

    def _on_job_ended(self, message: JobEnded) -> None:
        if self._current is None or message.job != self._current.job.id:
            return
        job, interrupted = self._current.job, self._current.interrupted
        if message.reason == "error":
            self._ready = False  # it exits, and is replaced
        if message.outcome == "interrupted" or (message.outcome == "cancelled" and interrupted):
            self._requeue(job)
        elif message.outcome == "failed":
            self._end_job(job, "failed", Failure(message.reason or "error", message.text or Text("", "")))
        else:
            if message.outcome == "finished":
                self._problem = None  # a finished job shows that the reported problem is gone
            self._end_job(job, message.outcome)

    def _on_exit(self, code: int | None) -> None:
        was_ready, current = self._ready, self._current
        self._process, self._ready = None, False
        self._set_idle()
        retired, self._retiring = self._retiring, False
        if self._stopping or retired:
            return
        self._restarts += 1
        if not self._context.spare:
            self._context.metrics.worker_replaced()
        job = f" during job {current.job.id}" if current else ""
        log.warning("worker on %s exited with %s%s", self._device, code, job)
        if not was_ready and not (current and current.sent):
            self._failed_starts += 1
            self._start_after = time.monotonic() + min(0.5 * 2**self._failed_starts, MAX_BACKOFF)
        if current is not None and current.sent:
            current.sent = False
            self._on_crash(current, code)

    def _on_crash(self, current: Assignment, code: int | None) -> None:
        """Let the next worker resume the job, unless the job has crashed too many workers."""
        context, job = self._context, current.job
        progress = context.tracker.progress(job.id)
        reached = (progress.batch, progress.step)
        current.crashes = 1 if reached > current.furthest else current.crashes + 1
        current.furthest = max(reached, current.furthest)
        if current.interrupted:
            self._requeue(job)
        elif context.store.get(job.id).cancelling:
            self._end_job(job, "cancelled")
        elif current.crashes >= context.limits.max_crashes:
            failure = failures.worker_crashed(current.crashes, progress.step, code)
            failures.log_failure(job.folder, failure, batch=progress.batch, step=progress.step)
            self._end_job(job, "failed", failure)
        context.tracker.notify(job.id)

    def _end_job(self, job: Job, state: State, failure: Failure | None = None) -> None:
        context = self._context
        progress = context.tracker.progress(job.id)
        self._store(lambda: self._upload(job.id))
        self._store(lambda: context.store.finish(job.id, state, progress=progress, failure=failure))
        seconds = time.monotonic() - self._current.started if self._current else 0.0
        context.metrics.job_ended(state, reason=failure.reason if failure else None, painting_seconds=seconds)
        log.info("job %s %s after %.1f s%s", job.id, state, seconds, f": {failure.text.en}" if failure else "")
        self._clear_job(job)

    def _requeue(self, job: Job) -> None:
        progress = self._context.tracker.progress(job.id)
        self._store(lambda: self._upload(job.id))
        self._store(lambda: self._context.store.requeue(job.id, progress))
        log.info("job %s interrupted; it resumes from its checkpoint", job.id)
        self._clear_job(job)

    def _clear_job(self, job: Job) -> None:
        self._current = None
        if self._context.shared is not None:
            self._context.shared.release(job.id)
        self._set_idle()
        self._watchdog.reset(ready=self._ready)
        self._context.tracker.clear(job.id)
        self._context.tracker.notify(job.id)

    def _upload(self, id: str) -> None:
        if self._context.runs is not None:
            self._context.runs.upload_last(id)

    def _set_idle(self) -> None:
        if self._demand is not None:
            self._demand.set_idle(self)

    def _store(self, change: Callable[[], None]) -> None:
        """Store the end of a job, repeatedly until the disk accepts it; on shutdown the next start does it."""
        while True:
            try:
                return change()
            except StorageError as error:
                log.error("%s", error.en)
                if self._stopping:
                    return None
                time.sleep(TICK)
