"""One device's place of work: takes jobs from the queue, gives them to its worker process, replaces it when it dies."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from danqing.errors import StorageError
from danqing.jobs import failures
from danqing.jobs.eta import pace_of
from danqing.jobs.job import Failure, Job, Limits, State
from danqing.jobs.job_store import Ledger
from danqing.jobs.metrics import Tally
from danqing.jobs.progress import Board, Progress
from danqing.jobs.status import WorkerHealth
from danqing.jobs.worker_process import Gone, Process
from danqing.jobs.worker_protocol import Alive, Begin, Cancel, Ended, Moved, Noted, Paint, Ready, Report, Stop
from danqing.settings import Settings

TICK = 1.0
"""Seconds after which a painter looks around although nobody called."""
LONGEST_PAUSE = 30.0
"""Seconds between two tries to start a worker that does not come up."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Office:
    """What the painters of a runtime share."""

    settings: Settings
    limits: Limits
    ledger: Ledger
    board: Board
    tally: Tally
    room: Callable[[], bool]
    """Whether the disk has room for another picture."""


@dataclass(frozen=True, slots=True)
class _Said:
    process: Process
    words: Report | Gone


class Painter:
    """A thread that keeps one worker process busy. Its other methods may be called from any thread."""

    def __init__(self, device: str, office: Office) -> None:
        self._device = device
        self._office = office
        self._inbox: SimpleQueue[_Said | str | None] = SimpleQueue()  # words of the worker, an id to cancel, or a call
        self._thread = threading.Thread(target=self._work, name=f"painter-{device}", daemon=True)
        self._stopping = False
        self._process: Process | None = None
        self._ready = False
        self._heard = 0.0  # when the process last gave a sign of life
        self._job: Job | None = None
        self._given = False  # whether the process knows of the job
        self._began = 0.0
        self._deaths = 0  # of processes at this job without getting further
        self._furthest = (-1, -1)
        self._restarts = 0
        self._misstarts = 0
        self._not_before = 0.0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def call(self) -> None:
        """There is a new job."""
        self._inbox.put(None)

    def cancel(self, id: str) -> None:
        """A job was cancelled; if it is the one in hand it ends."""
        self._inbox.put(id)

    def stop(self) -> None:
        """Take no new job and let go of the one in hand."""
        self._stopping = True
        self.call()

    def join(self, seconds: float) -> None:
        """Wait until it has stopped; after that time its worker is cut off."""
        self._thread.join(max(seconds, 0.0))
        while self._thread.is_alive():
            if self._process is not None:
                self._process.kill()
            self._thread.join(0.1)

    @property
    def job(self) -> str | None:
        """Id of the job in hand."""
        job = self._job
        return job.id if job else None

    @property
    def health(self) -> WorkerHealth:
        """How it is doing."""
        process = self._process
        pid = process.pid if process else None
        return WorkerHealth(self._device, pid, self._ready, self.job, self._restarts)

    def _work(self) -> None:
        told = False  # whether the worker knows that it is to stop
        while not (self._stopping and self._process is None):
            try:
                if self._stopping and not told:
                    told = True
                    self._tell_to_stop()
                self._tend()
                self._take(self._inbox.get(timeout=TICK))
            except Empty:
                continue
            except Exception:  # the edge of a job: whatever happens, the queue goes on
                log.exception("painter on %s", self._device)
                time.sleep(TICK)
        if self._job is not None:
            self._let_go(self._job)

    def _tend(self) -> None:
        """Start the worker where there is none, and give it something to do where it has nothing."""
        now = time.monotonic()
        if self._process is None and not self._stopping and now >= self._not_before:
            self._start_worker(now)
        elif self._process is not None and now - self._heard > self._office.limits.silence:
            log.error("worker %s has been silent for %.0f s and is replaced", self._process.pid, now - self._heard)
            self._heard = now
            self._process.kill()
        if self._ready and self._job is None and not self._stopping and self._office.room():
            self._claim()
        if self._ready and self._job is not None and not self._given:
            self._give(self._job)

    def _start_worker(self, now: float) -> None:
        self._heard = now
        self._ready = False
        self._process = Process(lambda process, words: self._inbox.put(_Said(process, words)))
        office = self._office
        self._process.say(Begin(settings=office.settings, device=self._device, models=office.limits.models))

    def _claim(self) -> None:
        claimed = self._office.ledger.claim()
        if claimed is not None:
            job = self._job = claimed.job
            self._given = False
            self._office.board.place(job.id, Progress(job.picture // job.request.batch_size, job.step, job.steps))
            self._deaths, self._furthest = 0, (-1, -1)
            self._began = time.monotonic()
            self._office.tally.take(claimed.waited)
            log.info("job %s taken after %.1f s", job.id, claimed.waited)
            self._office.board.change(job.id)

    def _give(self, job: Job) -> None:
        assert self._process is not None, "only a worker that is there is ready"
        self._given = True
        self._process.say(Paint(job=job.id, folder=job.folder, request=job.request))

    def _take(self, message: _Said | str | None) -> None:
        if isinstance(message, str):
            self._cancel(message)
        elif message is not None and message.process is self._process:
            self._heard = time.monotonic()
            self._hear(message.words)

    def _hear(self, words: Report | Gone) -> None:
        board = self._office.board
        match words:
            case Ready():
                self._ready, self._misstarts = True, 0
            case Moved() if self._job is not None:
                pace = pace_of(self._job.request, words.step, words.seconds)
                board.move(words.job, Progress(words.batch, words.step, words.steps), pace=pace)
                self._office.tally.step(words.seconds)
            case Noted():
                board.change(words.job)
            case Ended():
                self._ended(words)
            case Gone():
                self._gone(words.code)
            case Alive() | Moved():
                pass

    def _cancel(self, id: str) -> None:
        if self._job is None or self._job.id != id:
            return
        if self._given and self._process is not None:
            self._process.say(Cancel(job=id))
        else:
            self._end(self._job, "cancelled")

    def _tell_to_stop(self) -> None:
        if self._process is not None:
            self._process.say(Stop())
            if not self._ready:  # still loading its libraries, and holding nothing
                self._process.kill()

    def _ended(self, words: Ended) -> None:
        if self._job is None or words.job != self._job.id:
            return
        if words.reason == "error":
            self._ready = False  # it ends itself, and a new one starts clean
        if words.outcome == "interrupted":
            self._let_go(self._job)
        elif words.outcome == "failed":
            self._end(self._job, "failed", Failure(words.reason or "error", words.zh, words.en))
        else:
            self._end(self._job, words.outcome)

    def _gone(self, code: int | None) -> None:
        was_ready = self._ready
        self._process, self._ready = None, False
        if self._stopping:
            return
        self._restarts += 1
        log.warning("worker on %s ended with %s%s", self._device, code, f", at job {self.job}" if self.job else "")
        if not was_ready and not self._given:
            self._misstarts += 1
            self._not_before = time.monotonic() + min(0.5 * 2**self._misstarts, LONGEST_PAUSE)
        if self._job is not None and self._given:
            self._given = False
            self._survive(self._job, code)

    def _survive(self, job: Job, code: int | None) -> None:
        """The worker died painting a job: the next one goes on with it, unless it seems to be the job's fault."""
        board, limits = self._office.board, self._office.limits
        progress = board.progress(job.id)
        reached = (progress.batch, progress.step)
        self._deaths = 1 if reached > self._furthest else self._deaths + 1
        self._furthest = max(reached, self._furthest)
        if self._office.ledger.get(job.id).cancelling:
            self._end(job, "cancelled")
        elif self._deaths >= limits.deaths:
            failure = failures.died(self._deaths, progress.step, code)
            failures.note(job.folder, failure, batch=progress.batch, step=progress.step)
            self._end(job, "failed", failure)
        board.change(job.id)

    def _end(self, job: Job, state: State, failure: Failure | None = None) -> None:
        progress = self._office.board.progress(job.id)
        ledger = self._office.ledger
        self._store(lambda: ledger.end(job.id, state, at=progress, failure=failure))
        painted = time.monotonic() - self._began
        self._office.tally.end(state, reason=failure.reason if failure else None, painted=painted)
        log.info("job %s %s after %.1f s%s", job.id, state, painted, f": {failure.en}" if failure else "")
        self._put_down(job)

    def _let_go(self, job: Job) -> None:
        progress = self._office.board.progress(job.id)
        self._store(lambda: self._office.ledger.give_back(job.id, progress))
        log.info("job %s interrupted; it goes on after the next start", job.id)
        self._put_down(job)

    def _put_down(self, job: Job) -> None:
        self._job, self._given = None, False
        self._office.board.drop(job.id)
        self._office.board.change(job.id)

    def _store(self, change: Callable[[], None]) -> None:
        """Write down how a job ended, as soon as the disk takes it; at a stop it is left to the next start."""
        while True:
            try:
                return change()
            except StorageError as error:
                log.error("%s", error.en)
                if self._stopping:
                    return None
                time.sleep(TICK)
