"""The worker process: reads commands from standard input, writes messages to standard output, exits with its parent.

Started by `danqing.jobs.worker_process`.
"""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import closing, nullcontext
from queue import SimpleQueue
from typing import IO, Literal, NoReturn

from danqing.api import run_recorded
from danqing.errors import DanqingError, RunLocked
from danqing.events import Event, Failed, Stepped
from danqing.i18n import Text
from danqing.jobs import failures
from danqing.jobs.job import Failure
from danqing.jobs.model_cache import ModelCache
from danqing.jobs.worker_protocol import (
    CancelJob,
    Command,
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
    command_parser,
    to_line,
)
from danqing.pipeline import Pipeline
from danqing.pipeline.joint_runs import JointRuns
from danqing.pipeline.model import resolve_device
from danqing.results.run_writer import RunWriter

Outcome = Literal["finished", "cancelled", "interrupted"]

HEARTBEAT_SECONDS = 2.0
"""Interval of heartbeats."""
LOCK_TIMEOUT = 30.0
"""Seconds to wait until a killed worker has released the lock of a run."""

log = logging.getLogger(__name__)


class Worker:
    """Runs one job after another, or several together, and handles commands meanwhile.

    Args:
        commands: lines of `Command`.
        messages: receives lines of `WorkerMessage`.
    """

    def __init__(self, commands: IO[bytes], messages: IO[bytes]) -> None:
        self._commands = commands
        self._messages = messages
        self._send_lock = threading.Lock()
        self._pending: SimpleQueue[Configure | StartJob | None] = SimpleQueue()
        self._memory_requests: SimpleQueue[EstimateMemory] = SimpleQueue()
        self._cancelled: set[str] = set()
        self._stopping = threading.Event()
        self._joint: JointRuns | None = None
        self._status = 0

    def run(self) -> int:
        """Run jobs until `Shutdown`; returns the exit status."""
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._send_heartbeats, daemon=True).start()
        command = self._pending.get()
        if not isinstance(command, Configure):
            return 2
        joint = JointRuns(command.together)
        models = ModelCache(command.settings, device=command.device, count=command.models, joint=joint.evaluator)
        try:
            device = resolve_device(models.device)
        except DanqingError as error:
            self._send(StartFailed(problem=error.text))
            return 4
        if command.together != 1 and (command.together or device.type != "cpu"):
            self._joint = joint
        self._send(Ready(problem=_preload(models, command.preload)))
        threading.Thread(target=self._estimate_memory, args=(models,), daemon=True).start()
        threads: list[threading.Thread] = []
        while isinstance(job := self._pending.get(), StartJob):
            if self._joint is None:
                self._run_and_report(job, models)
            else:
                threads.append(threading.Thread(target=self._run_and_report, args=(job, models), daemon=True))
                threads[-1].start()
        for thread in threads:
            thread.join()
        return self._status

    def _run_and_report(self, job: StartJob, models: ModelCache) -> None:
        with self._joint.run() if self._joint is not None else nullcontext():
            ended = self._run_job(job, models)
        self._send(ended)
        if ended.reason == "error":  # this can leave the process in a bad state: a new one takes the next job
            self._status = 1
            self._stopping.set()
            self._pending.put(None)

    def _run_job(self, job: StartJob, models: ModelCache) -> JobEnded:
        """Run a job and return how it ended, whatever happens."""
        try:
            result = self._paint(job, models)
        except MemoryError:
            models.clear()
            result = failures.out_of_memory()
            failures.log_failure(job.folder, result)
        except DanqingError as error:
            log.error("job %s failed: %s", job.job, error.en)
            result = failures.to_failure(error)
            failures.log_failure(job.folder, result)
        except Exception as error:  # the next job must run all the same
            log.exception("job %s failed", job.job)
            result = failures.to_failure(error)
            failures.log_failure(job.folder, result)
        if isinstance(result, Failure):
            return JobEnded(job=job.job, outcome="failed", reason=result.reason, text=result.text)
        return JobEnded(job=job.job, outcome=result)

    def _paint(self, job: StartJob, models: ModelCache) -> Outcome | Failure:
        if self._stopping.is_set():
            return "interrupted"
        pipeline = models.get(job.request)
        writer = _open_run(job)
        if writer.finished:  # the last worker was killed before it could report
            writer.close()
            return "finished"
        failed: Failed | None = None
        with closing(run_recorded(pipeline, writer, writer.run.checkpoint())) as events:
            for event in events:
                self._report(job.job, event)
                failed = event if isinstance(event, Failed) else failed
                if job.job in self._cancelled or self._stopping.is_set() or self._must_leave(pipeline, event):
                    break
        if writer.finished:
            return "finished"
        if failed is not None:
            return Failure("error" if failed.reason == "interrupted" else failed.reason, failed.text)
        return "cancelled" if job.job in self._cancelled else "interrupted"

    def _must_leave(self, pipeline: Pipeline, event: Event) -> bool:
        """Report how many jobs are painted together; return True if this one must wait until the others have ended."""
        if self._joint is None:
            return False
        leaves = self._joint.must_leave(event)
        room = 1 if leaves else self._joint.room(pipeline, event)
        if room is not None:
            self._send(RoomForJobs(jobs=room))
        return leaves

    def _report(self, job: str, event: Event) -> None:
        if isinstance(event, Stepped):
            done = event.step + 1
            self._send(StepDone(job=job, batch=event.batch, step=done, steps=event.steps, seconds=event.seconds))
        else:
            self._send(EventLogged(job=job))

    def _receive(self) -> None:
        parser = command_parser()
        for line in self._commands:
            self._dispatch(parser.validate_json(line))
        os._exit(3)  # the parent has exited: nothing may go on without it

    def _dispatch(self, command: Command) -> None:
        match command:
            case Configure() | StartJob():
                if isinstance(command, StartJob):
                    self._cancelled.discard(command.job)
                self._pending.put(command)
            case CancelJob():
                self._cancelled.add(command.job)
            case EstimateMemory():
                self._memory_requests.put(command)
            case Shutdown():
                self._stopping.set()
                self._pending.put(None)

    def _estimate_memory(self, models: ModelCache) -> None:
        """Answer all `EstimateMemory`, also while a job runs; each takes about a second."""
        while True:
            command = self._memory_requests.get()
            pipeline, found = models.loaded(command.request), None
            try:
                found = None if pipeline is None else pipeline.estimate_memory(command.request)
            except Exception:  # the worker must go on without the estimate
                log.exception("memory of %s", command.request.model)
            self._send(MemoryEstimated(key=command.key, bytes=found))

    def _send_heartbeats(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self._send(Heartbeat())

    def _send(self, message: WorkerMessage) -> None:
        try:
            with self._send_lock:
                self._messages.write(to_line(message))
                self._messages.flush()
        except OSError:
            os._exit(3)


def _preload(models: ModelCache, model: str) -> Text | None:
    """Load a model; returns the reason if that is not possible."""
    try:
        models.preload(model)
    except DanqingError as error:
        log.error("model %s: %s", model, error.en)
        return failures.to_failure(error).text
    except MemoryError:
        models.clear()
        return failures.out_of_memory().text
    except Exception as error:  # jobs with another model can still run
        log.exception("model %s", model)
        return failures.to_failure(error).text
    return None


def _open_run(job: StartJob) -> RunWriter:
    """Open the run of a job; waits until a killed worker has released it."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return RunWriter.open_or_create(job.folder, job.request)
        except RunLocked:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def main() -> NoReturn:
    """Run on the pipes of the parent; everything else that is printed goes to standard error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent sends `Shutdown`; its exit is noticed as well
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    status = Worker(sys.stdin.buffer, messages).run()
    sys.stderr.flush()
    os._exit(status)  # the receiving thread holds standard input, for which a normal exit would wait


if __name__ == "__main__":
    main()
