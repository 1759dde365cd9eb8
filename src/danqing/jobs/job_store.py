"""The stored jobs: their requests, their order in the queue and how they ended."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args
from uuid import NAMESPACE_URL, uuid5

from danqing.errors import JobNotFound
from danqing.jobs.database import Connection, JobDatabase, Row
from danqing.jobs.job import Failure, Job, RunnerLimits, State
from danqing.jobs.job_filter import ALL_JOBS, JobFilter, conditions
from danqing.jobs.job_rows import NewJob, RequestKey, RestoredJob, new_row, restored_row, to_job
from danqing.jobs.progress import Progress
from danqing.jobs.queue_order import move_in_queue, next_turn
from danqing.request import Request

_POSITION = """CASE state WHEN 'queued' THEN (SELECT count(*) FROM jobs a WHERE a.state = 'queued'
  AND (a.turn, a.queue_position) < (jobs.turn, jobs.queue_position)) END AS position"""
_COLUMNS = f"""id, state, owner, request, model, resolution, created_at, started_at, ended_at, cancelling, batch, step, steps,
  failure_reason, failure_zh, failure_en, {_POSITION}"""
_NEXT_POSITION = "(SELECT coalesce(max(queue_position), 0) + 1 FROM jobs)"

Admission = Literal["accepted", "duplicate", "queue_full", "owner_limit"]
"""Result of queueing a job: accepted, the ID already exists, or the limit that was reached."""


class ClaimedJob(NamedTuple):
    """A job taken by a worker, and the seconds it was queued."""

    job: Job
    queued_seconds: float


def request_digest(request: Request) -> str:
    """Return a hash of the fields that were given."""
    return hashlib.sha256(json.dumps(request.to_dict(), sort_keys=True).encode()).hexdigest()


def idempotent_id(owner: str, key: str) -> str:
    """Return the job ID of an Idempotency-Key header: the same for the same owner and key."""
    return str(uuid5(NAMESPACE_URL, f"danqing:{owner}\n{key}"))


class JobStore:
    """All jobs of a database.

    Args:
        database: the table of jobs.
        folder: parent of the folders of their runs.
        runner: ID of the runner that claims jobs; empty if it is the only one.
    """

    def __init__(self, database: JobDatabase, folder: Path, *, runner: str = "") -> None:
        self._database = database
        self._folder = folder
        self._runner = runner

    def folder(self, id: str) -> Path:
        """Return the folder of a job's run."""
        return self._folder / id

    # Queries

    def key(self, id: str) -> RequestKey | None:
        """Return the key under which a job was submitted; None if no job has this ID."""
        rows = self._database.query("SELECT request_digest, owner FROM jobs WHERE id = ?", id)
        return RequestKey(rows[0]["request_digest"], rows[0]["owner"]) if rows else None

    def find_unfinished(self, key: RequestKey, *, created_after: float) -> str | None:
        """Return the ID of the newest queued or running job with this key; None if there is none."""
        where = "request_digest = ? AND owner = ? AND state IN ('queued', 'painting') AND created_at > ?"
        sql = f"SELECT id FROM jobs WHERE {where} ORDER BY number DESC LIMIT 1"
        rows = self._database.query(sql, key.digest, key.owner, created_after)
        return rows[0]["id"] if rows else None

    def state(self, id: str) -> State:
        """Return the state of a job.

        Raises:
            JobNotFound: no job has this ID.
        """
        rows = self._database.query("SELECT state FROM jobs WHERE id = ?", id)
        if not rows:
            raise _not_found(id)
        return rows[0]["state"]

    def get(self, id: str) -> Job:
        """Return a job with its complete request.

        Raises:
            JobNotFound: no job has this ID.
        """
        rows = self._database.query(f"SELECT {_COLUMNS}, init_image, pictures FROM jobs WHERE id = ?", id)
        if not rows:
            raise _not_found(id)
        return to_job(rows[0], self.folder(id))

    def list_jobs(
        self,
        owner: str | None,
        states: Sequence[State],
        *,
        limit: int,
        before: str | None = None,
        matching: JobFilter = ALL_JOBS,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first, without their pictures; see `JobRunner.jobs`."""
        where, values = ["TRUE"], list[object]()
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
        for condition, matched in conditions(matching):
            where.append(condition)
            values.extend(matched)
        columns = f"{_COLUMNS}, NULL AS init_image, NULL AS pictures"
        sql = f"SELECT {columns} FROM jobs WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT ?"
        return tuple(to_job(row, self.folder(row["id"])) for row in self._database.query(sql, *values, limit))

    def counts(self) -> dict[State, int]:
        """Return the number of jobs in each state."""
        rows = {
            row["state"]: row["n"]
            for row in self._database.query("SELECT state, count(*) AS n FROM jobs GROUP BY state")
        }
        return {state: rows.get(state, 0) for state in get_args(State)}

    def queued_count(self) -> int:
        """Return the number of queued jobs. Fast, however many jobs there are."""
        return self._database.query("SELECT count(*) AS n FROM jobs WHERE state = 'queued'")[0]["n"]

    def cost(self, id: str) -> float:
        """Return the total cost of a job.

        Raises:
            JobNotFound: no job has this ID.
        """
        rows = self._database.query("SELECT cost FROM jobs WHERE id = ?", id)
        if not rows:
            raise _not_found(id)
        return rows[0]["cost"]

    def queued_cost_before(self, id: str) -> float:
        """Return the total cost of the jobs ahead of a queued job."""
        before = "(turn, queue_position) < (SELECT turn, queue_position FROM jobs WHERE id = ?)"
        sql = f"SELECT coalesce(sum(cost), 0) AS cost FROM jobs WHERE state = 'queued' AND {before}"
        return self._database.query(sql, id)[0]["cost"]

    def ids(self, *, ended_before: float | None = None) -> tuple[str, ...]:
        """Return the IDs of all jobs, oldest first, or of those that ended before a time."""
        if ended_before is None:
            return tuple(row["id"] for row in self._database.query("SELECT id FROM jobs ORDER BY number"))
        sql = "SELECT id FROM jobs WHERE state IN ('finished', 'failed', 'cancelled') AND ended_at < ? ORDER BY number"
        return tuple(row["id"] for row in self._database.query(sql, ended_before))

    # Changes

    def add(self, new: NewJob, *, limits: RunnerLimits) -> Admission:
        """Append a job to the queue if the limits allow it."""
        row = new_row(new, time.time())

        def change(connection: Connection) -> Admission:
            if connection.execute("SELECT 1 FROM jobs WHERE id = ?", (new.id,)).fetchone():
                return "duplicate"
            admission = _admission(connection, new.key.owner, limits)
            if admission == "accepted":
                _insert(connection, {**row, "turn": next_turn(connection, new.key.owner)})
            return admission

        return self._database.transaction(change, use_reserve=False)

    def first_queued(self) -> Job | None:
        """Return the first job of the queue; None if the queue is empty."""
        sql = "SELECT id FROM jobs WHERE state = 'queued' ORDER BY turn, queue_position LIMIT 1"
        rows = self._database.query(sql)
        return self.get(rows[0]["id"]) if rows else None

    def claim(self, *, only: str | None = None) -> ClaimedJob | None:
        """Mark the first job of the queue as run by this runner and return it.

        Args:
            only: ID of the job that is wanted; None for any.
        Returns:
            None if the queue is empty, or another job is first.
        """
        if not self._database.query("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1"):
            return None
        now = time.time()

        def change(connection: Connection) -> tuple[str, float] | None:
            first = "SELECT id, queued_at FROM jobs WHERE state = 'queued' ORDER BY turn, queue_position LIMIT 1"
            row = connection.execute(first).fetchone()
            if row is None or only not in (None, row["id"]):
                return None
            started = (
                "UPDATE jobs SET state = 'painting', runner = ?, started_at = coalesce(started_at, ?) WHERE id = ?"
            )
            connection.execute(started, (self._runner, now, row["id"]))
            return row["id"], row["queued_at"]

        claimed = self._database.transaction(change)
        return ClaimedJob(self.get(claimed[0]), now - claimed[1]) if claimed else None

    def finish(self, id: str, state: State, *, progress: Progress, failure: Failure | None = None) -> None:
        """Store how a running job ended. Does nothing if another runner has taken over the job."""
        reason = (failure.reason, failure.text.zh, failure.text.en) if failure else (None, None, None)
        columns = "state = ?, ended_at = ?, cancelling = 0, batch = ?, step = ?, steps = ?"
        columns += ", failure_reason = ?, failure_zh = ?, failure_en = ?"
        values = (state, time.time(), progress.batch, progress.step, progress.steps, *reason, id, self._runner)
        sql = f"UPDATE jobs SET {columns} WHERE id = ? AND state = 'painting' AND runner = ?"
        self._database.transaction(lambda connection: connection.execute(sql, values))

    def requeue(self, id: str, progress: Progress) -> None:
        """Return an interrupted job to its position in the queue; if it was being cancelled, it ends.

        Does nothing if another runner has taken over the job.
        """
        now = time.time()

        def change(connection: Connection) -> None:
            own = "state = 'painting' AND id = ? AND runner = ?"
            sql = f"UPDATE jobs SET batch = ?, step = ?, steps = ? WHERE {own}"
            connection.execute(sql, (progress.batch, progress.step, progress.steps, id, self._runner))
            requeue_where(connection, "id = ? AND runner = ?", now, id, self._runner)

        self._database.transaction(change)

    def requeue_running(self) -> None:
        """Return all running jobs to the queue, after the process of the only runner has ended."""
        now = time.time()
        self._database.transaction(lambda connection: requeue_where(connection, "TRUE", now))

    def cancel(self, id: str) -> bool:
        """Cancel a queued job and return True; mark a running job as being cancelled. Other jobs are not changed."""
        now = time.time()

        def change(connection: Connection) -> bool:
            ended = "UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ? AND state = 'queued'"
            if connection.execute(ended, (now, id)).rowcount:
                return True
            connection.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'painting'", (id,))
            return False

        return self._database.transaction(change)

    def move(self, id: str, place: int, *, owner: str | None) -> None:
        """Move a queued job; see `JobRunner.move`."""
        self._database.transaction(lambda connection: move_in_queue(connection, id, place, owner=owner))

    def resume(self, id: str, *, limits: RunnerLimits) -> Admission:
        """Append a failed or cancelled job to the queue if the limits allow it."""
        now = time.time()

        def change(connection: Connection) -> Admission:
            owner = connection.execute("SELECT owner FROM jobs WHERE id = ?", (id,)).fetchone()
            name = owner["owner"] if owner else ""
            admission = _admission(connection, name, limits)
            if admission == "accepted":
                columns = (
                    f"state = 'queued', turn = ?, queue_position = {_NEXT_POSITION}, queued_at = ?, ended_at = NULL"
                )
                columns += ", failure_reason = NULL, failure_zh = NULL, failure_en = NULL"
                sql = f"UPDATE jobs SET {columns} WHERE id = ? AND state IN ('failed', 'cancelled')"
                connection.execute(sql, (next_turn(connection, name), now, id))
            return admission

        return self._database.transaction(change, use_reserve=False)

    def restore(self, jobs: Iterable[RestoredJob]) -> None:
        """Insert ended jobs that are missing, in one transaction; correct those that have finished since they were stored."""
        finished = (
            "UPDATE jobs SET state = 'finished', ended_at = ?, cancelling = 0, failure_reason = NULL WHERE id = ?"
        )

        def change(connection: Connection) -> None:
            for job in jobs:
                if connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchone() is None:
                    _insert(connection, restored_row(job))
                elif job.state == "finished":  # another service may have queued the others meanwhile
                    connection.execute(finished, (job.ended, job.id))

        self._database.transaction(change)

    def delete(self, id: str) -> None:
        """Delete a job."""
        self._database.transaction(lambda connection: connection.execute("DELETE FROM jobs WHERE id = ?", (id,)))


def _insert(connection: Connection, row: Mapping[str, object]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    sql = f"INSERT INTO jobs (queue_position, {columns}) VALUES ({_NEXT_POSITION}, {marks})"
    connection.execute(sql, tuple(row.values()))


def _value(row: Row | None, column: str, default: int) -> int:
    return default if row is None or row[column] is None else row[column]


def _admission(connection: Connection, owner: str, limits: RunnerLimits) -> Admission:
    """Return whether the limits allow one more job of an owner."""
    queued = connection.execute("SELECT count(*) AS n FROM jobs WHERE state = 'queued'").fetchone()
    if _value(queued, "n", 0) >= limits.queue:
        return "queue_full"
    sql = "SELECT count(*) AS n FROM jobs WHERE owner = ? AND state IN ('queued', 'painting')"
    if owner and _value(connection.execute(sql, (owner,)).fetchone(), "n", 0) >= limits.per_owner:
        return "owner_limit"
    return "accepted"


def requeue_where(connection: Connection, condition: str, now: float, *values: object) -> None:
    """Return the running jobs that fulfil an SQL condition to their positions in the queue; those being cancelled end."""
    where = f"state = 'painting' AND {condition}"
    cancelled = f"UPDATE jobs SET state = 'cancelled', ended_at = ?, cancelling = 0 WHERE {where} AND cancelling = 1"
    connection.execute(cancelled, (now, *values))
    connection.execute(f"UPDATE jobs SET state = 'queued', queued_at = ?, runner = '' WHERE {where}", (now, *values))


def _not_found(id: str) -> JobNotFound:
    return JobNotFound(
        f"没有 ID 为 {id[:40]!r} 的任务，可能已被删除。", f"There is no job {id[:40]!r}; it may have been deleted."
    )
