"""The process that paints: takes orders on its standard input, reports on its standard output, ends with its parent.

Started by `danqing.jobs.worker_process`; it answers to nobody else.
"""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import closing
from queue import SimpleQueue
from typing import IO, Literal, NoReturn

from danqing.api import run_recorded
from danqing.errors import DanqingError, RunLocked
from danqing.events import Event, Failed, Stepped
from danqing.jobs import failures
from danqing.jobs.job import Failure
from danqing.jobs.model_cache import Models
from danqing.jobs.worker_protocol import (
    Alive,
    Begin,
    Cancel,
    Ended,
    Moved,
    Noted,
    Order,
    Paint,
    Ready,
    Report,
    Stop,
    order_reader,
    to_line,
)
from danqing.results.run_writer import RunWriter

Outcome = Literal["finished", "cancelled", "interrupted"]

PULSE = 2.0
"""Seconds between two signs of life."""
PATIENCE = 30.0
"""Seconds to wait for a dying worker to let go of a run."""

log = logging.getLogger(__name__)


class Worker:
    """Paints one job after another; listens while it does."""

    def __init__(self, orders: IO[bytes], reports: IO[bytes]) -> None:
        self._orders = orders
        self._reports = reports
        self._speaking = threading.Lock()
        self._to_paint: SimpleQueue[Begin | Paint | None] = SimpleQueue()
        self._cancelled: set[str] = set()
        self._stopping = threading.Event()

    def work(self) -> int:
        """Paint until told to stop; returns the exit status."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._live, daemon=True).start()
        begin = self._to_paint.get()
        if not isinstance(begin, Begin):
            return 2
        models = Models(begin.settings, device=begin.device, count=begin.models)
        self._say(Ready())
        while isinstance(order := self._to_paint.get(), Paint):
            ended = self._attempt(order, models)
            self._say(ended)
            if ended.reason == "error":
                return 1  # whatever went wrong may have left more behind than this job: a new process starts clean
        return 0

    def _attempt(self, order: Paint, models: Models) -> Ended:
        """Paint a job and say how it ended, whatever happens."""
        try:
            result = self._paint(order, models)
        except MemoryError:
            models.clear()
            result = failures.out_of_memory()
            failures.note(order.folder, result)
        except DanqingError as error:
            log.error("job %s failed: %s", order.job, error.en)
            result = failures.failure_of(error)
            failures.note(order.folder, result)
        except Exception as error:  # the edge of a job: the next one must not suffer
            log.exception("job %s failed", order.job)
            result = failures.failure_of(error)
            failures.note(order.folder, result)
        if isinstance(result, Failure):
            return Ended(job=order.job, outcome="failed", reason=result.reason, zh=result.zh, en=result.en)
        return Ended(job=order.job, outcome=result)

    def _paint(self, order: Paint, models: Models) -> Outcome | Failure:
        if self._stopping.is_set():
            return "interrupted"
        pipeline = models.take(order.request)
        writer = _open(order)
        if writer.finished:  # the last worker died before it could say so
            writer.close()
            return "finished"
        failed: Failed | None = None
        with closing(run_recorded(pipeline, writer, writer.run.checkpoint())) as events:
            for event in events:
                self._report(order.job, event)
                failed = event if isinstance(event, Failed) else failed
                if order.job in self._cancelled or self._stopping.is_set():
                    break
        if writer.finished:
            return "finished"
        if failed is not None:
            return Failure("error" if failed.reason == "interrupted" else failed.reason, failed.zh, failed.en)
        return "cancelled" if order.job in self._cancelled else "interrupted"

    def _report(self, job: str, event: Event) -> None:
        if isinstance(event, Stepped):
            done = event.step + 1
            self._say(Moved(job=job, batch=event.batch, step=done, steps=event.steps, seconds=event.seconds))
        else:
            self._say(Noted(job=job))

    def _listen(self) -> None:
        reader = order_reader()
        for line in self._orders:
            self._hear(reader.validate_json(line))
        os._exit(3)  # the parent is gone: nothing may go on painting without it

    def _hear(self, order: Order) -> None:
        match order:
            case Begin() | Paint():
                if isinstance(order, Paint):
                    self._cancelled.discard(order.job)
                self._to_paint.put(order)
            case Cancel():
                self._cancelled.add(order.job)
            case Stop():
                self._stopping.set()
                self._to_paint.put(None)

    def _live(self) -> None:
        while True:
            time.sleep(PULSE)
            self._say(Alive())

    def _say(self, report: Report) -> None:
        try:
            with self._speaking:
                self._reports.write(to_line(report))
                self._reports.flush()
        except OSError:
            os._exit(3)


def _open(order: Paint) -> RunWriter:
    """The job's run, once the worker that had it before has let go of it."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return RunWriter.open_or_create(order.folder, order.request)
        except RunLocked:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def main() -> NoReturn:
    """Work on the pipes that the parent has laid; whatever else prints goes to the log."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent says when to stop; its own end is heard as well
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    status = Worker(sys.stdin.buffer, reports).work()
    sys.stderr.flush()
    os._exit(status)  # the listening thread holds standard input, which an orderly exit would wait for


if __name__ == "__main__":
    main()
