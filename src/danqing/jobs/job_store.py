"""The list of jobs: what they ask for, in which order they wait, how they ended."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from danqing.errors import JobNotFound
from danqing.jobs.database import Book
from danqing.jobs.job import Failure, Job, Limits, State
from danqing.jobs.progress import Progress
from danqing.request import Request, read_request

_PLACE = """CASE state WHEN 'queued' THEN (SELECT count(*) FROM jobs a WHERE a.state = 'queued' AND a.place < jobs.place) END"""
_COLUMNS = (
    f"id, state, owner, request, created, started, ended, cancelling, batch, step, steps, reason, zh, en, {_PLACE}"
)
_NEXT = "(SELECT coalesce(max(place), 0) + 1 FROM jobs)"
Admission = Literal["taken", "known", "queue", "owner"]
"""Taken; known already; or the limit that stands against it."""


class Asked(NamedTuple):
    """Who asked for what under an id."""

    sum: str
    owner: str


class Claimed(NamedTuple):
    """A job that a worker has taken, and how many seconds it waited."""

    job: Job
    waited: float


def sum_of(request: Request) -> str:
    """The same for two requests that ask for the same in the same words."""
    return hashlib.sha256(json.dumps(request.to_dict(), sort_keys=True).encode()).hexdigest()


class Ledger:
    """All jobs of a home."""

    def __init__(self, book: Book, folder: Path) -> None:
        """Jobs are listed in `book`, their runs lie under `folder`."""
        self._book = book
        self._folder = folder

    def folder(self, id: str) -> Path:
        """The folder of a job's run."""
        return self._folder / id

    # Asking

    def asked(self, id: str) -> Asked | None:
        """What was asked for under an id; None if nothing was."""
        rows = self._book.read("SELECT asked, owner FROM jobs WHERE id = ?", id)
        return Asked(*rows[0]) if rows else None

    def state(self, id: str) -> State:
        """The state of a job.

        Raises:
            JobNotFound: there is no such job.
        """
        rows = self._book.read("SELECT state FROM jobs WHERE id = ?", id)
        if not rows:
            raise _unknown(id)
        return rows[0][0]

    def get(self, id: str) -> Job:
        """A job with its whole request.

        Raises:
            JobNotFound: there is no such job.
        """
        rows = self._book.read(f"SELECT {_COLUMNS}, init FROM jobs WHERE id = ?", id)
        if not rows:
            raise _unknown(id)
        return self._job(rows[0])

    def page(
        self, owner: str | None, states: Sequence[State], *, limit: int, before: str | None = None
    ) -> tuple[Job, ...]:
        """Jobs, newest first, without their start pictures; see `Runtime.jobs`."""
        where, values = ["1"], list[object]()
        if owner is not None:
            where.append("owner = ?")
            values.append(owner)
        if states:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values.extend(states)
        if before is not None:
            self.state(before)
            where.append("number < (SELECT number FROM jobs WHERE id = ?)")
            values.append(before)
        ask = f"SELECT {_COLUMNS}, NULL FROM jobs WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT ?"
        return tuple(self._job(row) for row in self._book.read(ask, *values, limit))

    def count(self, *states: State) -> int:
        """How many jobs are in one of these states."""
        return self._book.read(f"SELECT count(*) FROM jobs WHERE state IN ({', '.join('?' * len(states))})", *states)[
            0
        ][0]

    def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        found = dict(self._book.read("SELECT state, count(*) FROM jobs GROUP BY state"))
        return {state: found.get(state, 0) for state in get_args(State)}

    def work_before(self, id: str) -> float:
        """The work of all jobs that wait before a queued one."""
        before = "SELECT place FROM jobs WHERE id = ?"
        ask = f"SELECT coalesce(sum(work), 0) FROM jobs WHERE state = 'queued' AND place < ({before})"
        return self._book.read(ask, id)[0][0]

    def ids(self, *, ended_before: float | None = None) -> tuple[str, ...]:
        """Ids of all jobs, or of those that ended before a time."""
        if ended_before is None:
            return tuple(row[0] for row in self._book.read("SELECT id FROM jobs"))
        ask = "SELECT id FROM jobs WHERE state IN ('finished', 'failed', 'cancelled') AND ended < ?"
        return tuple(row[0] for row in self._book.read(ask, ended_before))

    # Changing

    def add(self, id: str, request: Request, *, asked: Asked, work: float, limits: Limits) -> Admission:
        """Put a new job at the end of the queue, if there is room."""
        init = request.init_image if (request.init_image or "").startswith("data:") else None
        body = request.model_dump(mode="json") | ({"init_image": None} if init else {})
        now = time.time()

        def change(book: sqlite3.Connection) -> Admission:
            if book.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone():
                return "known"
            against = _against(book, asked.owner, limits)
            if against == "taken":
                names = "id, place, state, owner, asked, request, init, work, created, queued"
                values = (id, asked.owner, asked.sum, json.dumps(body, ensure_ascii=False), init, work, now, now)
                book.execute(f"INSERT INTO jobs ({names}) VALUES (?, {_NEXT}, 'queued', ?, ?, ?, ?, ?, ?, ?)", values)
            return against

        return self._book.write(change, reserve=False)

    def claim(self) -> Claimed | None:
        """Take the job at the head of the queue; None if nobody waits."""
        if not self.count("queued"):
            return None
        now = time.time()

        def change(book: sqlite3.Connection) -> tuple[str, float] | None:
            head = "SELECT id, queued FROM jobs WHERE state = 'queued' ORDER BY place LIMIT 1"
            row = book.execute(head).fetchone()
            if row:
                book.execute(
                    "UPDATE jobs SET state = 'painting', started = coalesce(started, ?) WHERE id = ?", (now, row[0])
                )
            return row

        row = self._book.write(change)
        return Claimed(self.get(row[0]), now - row[1]) if row else None

    def end(self, id: str, state: State, *, at: Progress, failure: Failure | None = None) -> None:
        """A job that was painted has ended."""
        said = (failure.reason, failure.zh, failure.en) if failure else (None, None, None)
        names = "state = ?, ended = ?, cancelling = 0, batch = ?, step = ?, steps = ?, reason = ?, zh = ?, en = ?"
        values = (state, time.time(), at.batch, at.step, at.steps, *said, id)
        self._book.write(
            lambda book: book.execute(f"UPDATE jobs SET {names} WHERE id = ? AND state = 'painting'", values)
        )

    def give_back(self, id: str, at: Progress) -> None:
        """A job was interrupted: it waits again in its old place, unless it was to be cancelled anyhow."""
        now = time.time()

        def change(book: sqlite3.Connection) -> None:
            where = "UPDATE jobs SET batch = ?, step = ?, steps = ? WHERE id = ?"
            book.execute(where, (at.batch, at.step, at.steps, id))
            _interrupt(book, "id = ?", now, id)

        self._book.write(change)

    def recover(self) -> None:
        """The last server is gone: what it was painting waits again."""
        now = time.time()
        self._book.write(lambda book: _interrupt(book, "1", now))

    def cancel(self, id: str) -> bool:
        """A queued job ends, which is what is returned; a painting one is marked; others stay as they are."""
        now = time.time()

        def change(book: sqlite3.Connection) -> bool:
            ended = "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued'"
            if book.execute(ended, (now, id)).rowcount:
                return True
            book.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'painting'", (id,))
            return False

        return self._book.write(change)

    def resume(self, id: str, *, limits: Limits) -> Admission:
        """Put a failed or cancelled job at the end of the queue, if there is room."""
        now = time.time()

        def change(book: sqlite3.Connection) -> Admission:
            owner = book.execute("SELECT owner FROM jobs WHERE id = ?", (id,)).fetchone()
            against = _against(book, owner[0] if owner else "", limits)
            if against == "taken":
                names = (
                    f"state = 'queued', place = {_NEXT}, queued = ?, ended = NULL, reason = NULL, zh = NULL, en = NULL"
                )
                book.execute(f"UPDATE jobs SET {names} WHERE id = ? AND state IN ('failed', 'cancelled')", (now, id))
            return against

        return self._book.write(change, reserve=False)

    def forget(self, id: str) -> None:
        """Strike a job out."""
        self._book.write(lambda book: book.execute("DELETE FROM jobs WHERE id = ?", (id,)))

    def _job(self, row: tuple[Any, ...]) -> Job:
        (
            id,
            state,
            owner,
            body,
            created,
            started,
            ended,
            cancelling,
            batch,
            step,
            steps,
            reason,
            zh,
            en,
            position,
            init,
        ) = row
        values = json.loads(body)
        request = read_request({**values, "init_image": init} if init else values)
        return Job(
            id=id,
            state=state,
            request=request,
            model=request.model,
            owner=owner,
            created=created,
            started=started,
            ended=ended,
            folder=self.folder(id),
            position=position,
            picture=batch * request.batch_size,
            step=step,
            steps=steps,
            cancelling=bool(cancelling),
            failure=Failure(reason, zh, en) if reason else None,
        )


def _against(book: sqlite3.Connection, owner: str, limits: Limits) -> Admission:
    """Whether there is room for one more job of an owner."""
    waiting = book.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0]
    if waiting >= limits.queue:
        return "queue"
    own = "SELECT count(*) FROM jobs WHERE owner = ? AND state IN ('queued', 'painting')"
    if owner and book.execute(own, (owner,)).fetchone()[0] >= limits.per_owner:
        return "owner"
    return "taken"


def _interrupt(book: sqlite3.Connection, which: str, now: float, *values: object) -> None:
    cancelled = "UPDATE jobs SET state = 'cancelled', ended = ?, cancelling = 0 WHERE state = 'painting' AND cancelling"
    book.execute(f"{cancelled} AND {which}", (now, *values))
    book.execute(f"UPDATE jobs SET state = 'queued', queued = ? WHERE state = 'painting' AND {which}", (now, *values))


def _unknown(id: str) -> JobNotFound:
    return JobNotFound(
        f"没有编号为 {id[:40]!r} 的任务，可能已被删除。", f"There is no job {id[:40]!r}; it may have been deleted."
    )
