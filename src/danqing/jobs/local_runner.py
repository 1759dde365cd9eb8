"""The runtime of one machine: jobs in a book on disk, a worker process for each device."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Self
from uuid import UUID, uuid4

from danqing.errors import InvalidRequest, JobConflict, QueueFull, ServiceStopping, TooManyJobs
from danqing.jobs.database import Book
from danqing.jobs.eta import seconds_left, standing, until_free, work_of
from danqing.jobs.event_log import Tail
from danqing.jobs.housekeeping import Keeper, sweep_orphans, taken
from danqing.jobs.job import ENDED, Job, Limits, Numbered, State
from danqing.jobs.job_store import Admission, Asked, Ledger, sum_of
from danqing.jobs.metrics import Tally
from danqing.jobs.progress import Board
from danqing.jobs.status import Figures, Health
from danqing.jobs.worker_supervisor import Office, Painter
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed
from danqing.zoo.resolve import resolve_request

STOPPED = 5.0
"""Seconds after which those who come while the service goes down may try again."""


class LocalRuntime:
    """Paints in worker processes of this machine. See `Runtime` for what each method promises."""

    def __init__(self, settings: Settings, *, limits: Limits | None = None, devices: Sequence[str] = ("auto",)) -> None:
        """Nothing happens before `start`.

        Args:
            settings: the environment; jobs are kept in `settings.service`.
            limits: what is refused.
            devices: a worker process for each.
        """
        self._settings = settings
        self._limits = limits or Limits()
        self._devices = tuple(devices)
        self._home = settings.service
        self._board = Board()
        self._tally = Tally()
        self._painters: tuple[Painter, ...] = ()
        self._office: Office | None = None
        self._stopping = False
        self._exit = ExitStack()

    def start(self) -> None:
        """Take up the jobs of the last time and begin to work; see `Runtime.start`."""
        with ExitStack() as exit:
            exit.enter_context(taken(self._home))
            book = Book(self._home)
            exit.callback(book.close)
            ledger = Ledger(book, self._home / "jobs")
            ledger.recover()
            sweep_orphans(ledger, self._home / "jobs")
            self._office = Office(self._settings, self._limits, ledger, self._board, self._tally, self._has_room)
            self._painters = tuple(Painter(device, self._office) for device in self._devices)
            exit.callback(Keeper(self._forget_old, book.keep_reserve).stop)
            for painter in self._painters:
                painter.start()
            self._exit = exit.pop_all()

    def stop(self, seconds: float = 10.0) -> None:
        """End in order; see `Runtime.stop`."""
        until = time.monotonic() + seconds
        self._stopping = True
        self._board.close()
        for painter in self._painters:
            painter.stop()
        for painter in self._painters:
            painter.join(until - time.monotonic())
        self._office = None  # who still asks is told that it is going down
        self._exit.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def submit(self, request: Request, *, id: str | None = None, owner: str = "") -> Job:
        """Put a job into the queue; see `Runtime.submit`."""
        ledger = self._ledger()
        id = str(uuid4()) if id is None else _uuid(id)
        asked = Asked(sum_of(request), owner)
        if ledger.asked(id) is None:
            self._refuse_when_stopping()
            whole = self._complete(request)
            self._admit(ledger.add(id, whole, asked=asked, work=work_of(whole), limits=self._limits))
            self._call(id)
        if ledger.asked(id) != asked:
            raise JobConflict(
                f"编号 {id} 已用于另一个请求。请换一个编号。",
                f"The id {id} belongs to another request. Choose another one.",
            )
        return self.get(id)

    def get(self, id: str) -> Job:
        """A job as it stands."""
        ledger = self._ledger()
        job = standing(ledger.get(id), self._board)
        left = seconds_left(job, ledger, self._board, workers=max(len(self._devices), 1))
        return replace(job, seconds_left=left)

    def jobs(
        self, *, owner: str | None = None, states: Sequence[State] = (), limit: int = 50, before: str | None = None
    ) -> tuple[Job, ...]:
        """Jobs, newest first; see `Runtime.jobs`."""
        page = self._ledger().page(owner, states, limit=limit, before=before)
        return tuple(standing(job, self._board) for job in page)

    def cancel(self, id: str) -> Job:
        """End a job; see `Runtime.cancel`."""
        ledger = self._ledger()
        if ledger.state(id) not in ENDED and ledger.cancel(id):
            self._tally.end("cancelled")
        for painter in self._painters:
            painter.cancel(id)
        self._board.change(id)
        return self.get(id)

    def resume(self, id: str) -> Job:
        """Queue a failed or cancelled job again; see `Runtime.resume`."""
        ledger = self._ledger()
        job = ledger.get(id)
        if job.state == "finished" or job.cancelling:
            raise JobConflict(
                f"任务 {id} 已画完，或正在取消，不能继续。",
                f"Job {id} has finished or is being cancelled: nothing to resume.",
            )
        if job.over:
            self._refuse_when_stopping()
            self._admit(ledger.resume(id, limits=self._limits))
            self._call(id)
        return self.get(id)

    def forget(self, id: str) -> None:
        """Delete a job that has ended, with its folder."""
        ledger = self._ledger()
        if ledger.state(id) not in ENDED:
            raise JobConflict(
                f"任务 {id} 还没有结束，请先取消。", f"Job {id} has not ended yet. Cancel it before deleting it."
            )
        ledger.forget(id)
        shutil.rmtree(ledger.folder(id), ignore_errors=True)
        self._board.forget(id)

    def events(self, id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[Numbered | None]:
        """The events of a job as they happen; see `Runtime.events`."""
        ledger = self._ledger()
        ledger.state(id)
        return self._follow(ledger, id, after, timeout)

    def wait(self, id: str, timeout: float | None = None) -> Job:
        """Wait until a job has ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            version = self._board.version(id)
            job = self.get(id)
            left = None if until is None else until - time.monotonic()
            if job.over or self._stopping or (left is not None and left <= 0):
                return job
            self._board.wait(id, version, left)

    def watch(self, changed: Callable[[str], None]) -> Callable[[], None]:
        """Be told of every change; see `Runtime.watch`."""
        return self._board.watch(changed)

    def health(self) -> Health:
        """Whether it can work now."""
        ledger = self._ledger()
        return Health(
            workers=tuple(painter.health for painter in self._painters),
            queued=ledger.count("queued"),
            painting=ledger.count("painting"),
            disk_free=shutil.disk_usage(self._home).free,
            disk_ok=self._has_room() and os.access(self._home, os.W_OK),
            stopping=self._stopping,
        )

    def figures(self) -> Figures:
        """Counters and gauges."""
        return self._tally.figures(self._ledger().counts(), tuple(painter.health for painter in self._painters))

    def _ledger(self) -> Ledger:
        if self._office is None:
            raise self._stopped()
        return self._office.ledger

    def _complete(self, request: Request) -> Request:
        """The request that says everything.

        Raises:
            DanqingError: the model is not there, or would not paint it.
        """
        whole = resolve_request(request, get_installed(request.model, self._settings).spec, self._settings)
        if whole.image_count > self._limits.pictures:
            most = self._limits.pictures
            raise InvalidRequest(
                f"一次最多画 {most} 幅（n_batches × batch_size），这里是 {whole.image_count} 幅。",
                f"At most {most} pictures at once (n_batches times batch_size); these are {whole.image_count}.",
                field="n_batches",
            )
        if whole.sampler == "ddim" and whole.eta > 1:  # up to 1 every schedule holds it
            from danqing.diffusion import NoiseSchedule, check_eta

            check_eta(NoiseSchedule.spaced(whole.steps, whole.spacing), whole.eta)
        return whole

    def _admit(self, admission: Admission) -> None:
        if admission in ("taken", "known"):
            return
        self._tally.refuse(admission)
        seconds = until_free(self._ledger(), self._board)
        if admission == "owner":
            most = self._limits.per_owner
            raise TooManyJobs(
                f"你已有 {most} 个任务没画完，请等其中一个结束，或取消一个。",
                f"You have {most} unfinished jobs already. Wait for one to end, or cancel one.",
                retry_after=seconds,
            )
        raise QueueFull(
            f"队伍已满（{self._limits.queue} 个任务在等）。请 {seconds:.0f} 秒后再来。",
            f"The queue is full ({self._limits.queue} jobs wait). Try again in {seconds:.0f} seconds.",
            retry_after=seconds,
        )

    def _refuse_when_stopping(self) -> None:
        if self._stopping:
            self._tally.refuse("stopping")
            raise self._stopped()

    def _stopped(self) -> ServiceStopping:
        return ServiceStopping(
            "服务正在停下，请稍后再来。", "The service is going down. Try again a little later.", retry_after=STOPPED
        )

    def _call(self, id: str) -> None:
        self._board.change(id)
        for painter in self._painters:
            painter.call()

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._home).free >= self._limits.free_bytes

    def _follow(self, ledger: Ledger, id: str, after: int, timeout: float | None) -> Iterator[Numbered | None]:
        tail = Tail(ledger.folder(id), after)
        while True:
            version = self._board.version(id)
            over = self._stopping or ledger.state(id) in ENDED  # asked before reading: then nothing comes after
            new = tail.read()
            yield from new
            if over:
                return
            if not new and not self._board.wait(id, version, timeout):
                yield None

    def _forget_old(self) -> None:
        days = self._limits.keep_days
        for id in self._ledger().ids(ended_before=time.time() - days * 86400) if days is not None else ():
            self.forget(id)


def _uuid(id: str) -> str:
    try:
        return str(UUID(id))
    except ValueError as error:
        raise InvalidRequest(
            f"任务编号要是 UUID，如 {uuid4()}（给的是 {id[:40]!r}）。",
            f"The id of a job must be a UUID such as {uuid4()} (given: {id[:40]!r}).",
            field="id",
        ) from error
