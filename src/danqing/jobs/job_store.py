"""The stored jobs: their requests, their order in the queue and how they ended."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast, get_args
from uuid import NAMESPACE_URL, uuid5

from danqing.errors import JobNotFound
from danqing.i18n import Text
from danqing.jobs.database import JobDatabase
from danqing.jobs.job import Failure, Job, RunnerLimits, State, batch_size
from danqing.jobs.progress import Progress
from danqing.request import Request

_POSITION = """CASE state WHEN 'queued' THEN
  (SELECT count(*) FROM jobs a WHERE a.state = 'queued' AND a.queue_position < jobs.queue_position) END AS position"""
_COLUMNS = f"""id, state, owner, request, model, resolution, created_at, started_at, ended_at, cancelling, batch, step, steps,
  failure_reason, failure_zh, failure_en, {_POSITION}"""
_NEXT_POSITION = "(SELECT coalesce(max(queue_position), 0) + 1 FROM jobs)"

Admission = Literal["accepted", "duplicate", "queue_full", "owner_limit"]
"""Result of queueing a job: accepted, the ID already exists, or the limit that was reached."""


class RequestKey(NamedTuple):
    """Identifies a submission: two calls with the same ID and key are the same job."""

    digest: str
    owner: str


class NewJob(NamedTuple):
    """A job to be queued."""

    id: str
    key: RequestKey
    request: Request
    """Complete."""
    cost: float
    resolution: int | None = None


class ClaimedJob(NamedTuple):
    """A job taken by a worker, and the seconds it was queued."""

    job: Job
    queued_seconds: float


class RestoredJob(NamedTuple):
    """An ended job that is missing in the database, as read from its folder."""

    id: str
    state: State
    key: RequestKey
    values: Mapping[str, object]
    created: float
    ended: float


def request_digest(request: Request) -> str:
    """Return a hash of the fields that were given."""
    return hashlib.sha256(json.dumps(request.to_dict(), sort_keys=True).encode()).hexdigest()


def idempotent_id(owner: str, key: str) -> str:
    """Return the job ID of an Idempotency-Key header: the same for the same owner and key."""
    return str(uuid5(NAMESPACE_URL, f"danqing:{owner}\n{key}"))


class JobStore:
    """All jobs of a home.

    Args:
        database: the table of jobs.
        folder: parent of the folders of their runs.
    """

    def __init__(self, database: JobDatabase, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def folder(self, id: str) -> Path:
        """Return the folder of a job's run."""
        return self._folder / id

    # Queries

    def key(self, id: str) -> RequestKey | None:
        """Return the key under which a job was submitted; None if no job has this ID."""
        rows = self._database.query("SELECT request_digest, owner FROM jobs WHERE id = ?", id)
        return RequestKey(*rows[0]) if rows else None

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
        rows = self._database.query(f"SELECT {_COLUMNS}, init_image FROM jobs WHERE id = ?", id)
        if not rows:
            raise _not_found(id)
        return self._to_job(rows[0])

    def list_jobs(
        self, owner: str | None, states: Sequence[State], *, limit: int, before: str | None = None
    ) -> tuple[Job, ...]:
        """Return jobs, newest first, without init images; see `JobRunner.jobs`."""
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
        sql = (
            f"SELECT {_COLUMNS}, NULL AS init_image FROM jobs WHERE {' AND '.join(where)} ORDER BY number DESC LIMIT ?"
        )
        return tuple(self._to_job(row) for row in self._database.query(sql, *values, limit))

    def counts(self) -> dict[State, int]:
        """Return the number of jobs in each state."""
        rows = {
            row["state"]: row["n"]
            for row in self._database.query("SELECT state, count(*) AS n FROM jobs GROUP BY state")
        }
        return {state: rows.get(state, 0) for state in get_args(State)}

    def queued_cost_before(self, id: str) -> float:
        """Return the total cost of the jobs ahead of a queued job."""
        before = "SELECT queue_position FROM jobs WHERE id = ?"
        sql = f"SELECT coalesce(sum(cost), 0) FROM jobs WHERE state = 'queued' AND queue_position < ({before})"
        return self._database.query(sql, id)[0][0]

    def ids(self, *, ended_before: float | None = None) -> tuple[str, ...]:
        """Return the IDs of all jobs, or of those that ended before a time."""
        if ended_before is None:
            return tuple(row["id"] for row in self._database.query("SELECT id FROM jobs"))
        sql = "SELECT id FROM jobs WHERE state IN ('finished', 'failed', 'cancelled') AND ended_at < ?"
        return tuple(row["id"] for row in self._database.query(sql, ended_before))

    # Changes

    def add(self, new: NewJob, *, limits: RunnerLimits) -> Admission:
        """Append a job to the queue if the limits allow it."""
        request, init_image = _split_init_image(new.request.model_dump(mode="json"))
        now = time.time()
        row = {
            "id": new.id,
            "state": "queued",
            "owner": new.key.owner,
            "request_digest": new.key.digest,
            "request": request,
            "init_image": init_image,
            "model": new.request.model,
            "resolution": new.resolution,
            "cost": new.cost,
            "created_at": now,
            "queued_at": now,
        }

        def change(connection: sqlite3.Connection) -> Admission:
            if connection.execute("SELECT 1 FROM jobs WHERE id = ?", (new.id,)).fetchone():
                return "duplicate"
            admission = _admission(connection, new.key.owner, limits)
            if admission == "accepted":
                _insert(connection, row)
            return admission

        return self._database.transaction(change, use_reserve=False)

    def claim(self) -> ClaimedJob | None:
        """Mark the first job of the queue as running and return it; None if the queue is empty."""
        if not self._database.query("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1"):
            return None
        now = time.time()

        def change(connection: sqlite3.Connection) -> tuple[str, float] | None:
            first = "SELECT id, queued_at FROM jobs WHERE state = 'queued' ORDER BY queue_position LIMIT 1"
            row = connection.execute(first).fetchone()
            if row is None:
                return None
            started = "UPDATE jobs SET state = 'painting', started_at = coalesce(started_at, ?) WHERE id = ?"
            connection.execute(started, (now, row["id"]))
            return row["id"], row["queued_at"]

        claimed = self._database.transaction(change)
        return ClaimedJob(self.get(claimed[0]), now - claimed[1]) if claimed else None

    def finish(self, id: str, state: State, *, progress: Progress, failure: Failure | None = None) -> None:
        """Store how a running job ended."""
        reason = (failure.reason, failure.text.zh, failure.text.en) if failure else (None, None, None)
        columns = "state = ?, ended_at = ?, cancelling = 0, batch = ?, step = ?, steps = ?"
        columns += ", failure_reason = ?, failure_zh = ?, failure_en = ?"
        values = (state, time.time(), progress.batch, progress.step, progress.steps, *reason, id)
        sql = f"UPDATE jobs SET {columns} WHERE id = ? AND state = 'painting'"
        self._database.transaction(lambda connection: connection.execute(sql, values))

    def requeue(self, id: str, progress: Progress) -> None:
        """Return an interrupted job to its position in the queue; if it was being cancelled, it ends."""
        now = time.time()

        def change(connection: sqlite3.Connection) -> None:
            sql = "UPDATE jobs SET batch = ?, step = ?, steps = ? WHERE id = ?"
            connection.execute(sql, (progress.batch, progress.step, progress.steps, id))
            _requeue(connection, "id = ?", now, id)

        self._database.transaction(change)

    def requeue_running(self) -> None:
        """Return all running jobs to the queue, after the process that ran them has ended."""
        now = time.time()
        self._database.transaction(lambda connection: _requeue(connection, "1", now))

    def cancel(self, id: str) -> bool:
        """Cancel a queued job and return True; mark a running job as being cancelled. Other jobs are not changed."""
        now = time.time()

        def change(connection: sqlite3.Connection) -> bool:
            ended = "UPDATE jobs SET state = 'cancelled', ended_at = ? WHERE id = ? AND state = 'queued'"
            if connection.execute(ended, (now, id)).rowcount:
                return True
            connection.execute("UPDATE jobs SET cancelling = 1 WHERE id = ? AND state = 'painting'", (id,))
            return False

        return self._database.transaction(change)

    def resume(self, id: str, *, limits: RunnerLimits) -> Admission:
        """Append a failed or cancelled job to the queue if the limits allow it."""
        now = time.time()

        def change(connection: sqlite3.Connection) -> Admission:
            owner = connection.execute("SELECT owner FROM jobs WHERE id = ?", (id,)).fetchone()
            admission = _admission(connection, owner[0] if owner else "", limits)
            if admission == "accepted":
                columns = f"state = 'queued', queue_position = {_NEXT_POSITION}, queued_at = ?, ended_at = NULL"
                columns += ", failure_reason = NULL, failure_zh = NULL, failure_en = NULL"
                sql = f"UPDATE jobs SET {columns} WHERE id = ? AND state IN ('failed', 'cancelled')"
                connection.execute(sql, (now, id))
            return admission

        return self._database.transaction(change, use_reserve=False)

    def restore(self, jobs: Iterable[RestoredJob]) -> None:
        """Insert ended jobs that are missing, in one transaction; correct those that have finished since they were stored."""

        def change(connection: sqlite3.Connection) -> None:
            for job in jobs:
                finished = "UPDATE jobs SET state = 'finished', ended_at = ?, cancelling = 0, failure_reason = NULL WHERE id = ?"
                if connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job.id,)).fetchone():
                    connection.execute(finished, (job.ended, job.id))
                else:
                    _insert(connection, _restored_row(job))

        self._database.transaction(change)

    def delete(self, id: str) -> None:
        """Delete a job."""
        self._database.transaction(lambda connection: connection.execute("DELETE FROM jobs WHERE id = ?", (id,)))

    def _to_job(self, row: sqlite3.Row) -> Job:
        values = _parse(row["request"])
        if row["init_image"]:
            values["init_image"] = row["init_image"]
        failure = None
        if row["failure_reason"]:
            failure = Failure(row["failure_reason"], Text(row["failure_zh"] or "", row["failure_en"] or ""))
        return Job(
            id=row["id"],
            state=row["state"],
            values=values,
            model=row["model"] or str(values.get("model", "")),
            owner=row["owner"],
            created=row["created_at"],
            started=row["started_at"],
            ended=row["ended_at"],
            folder=self.folder(row["id"]),
            position=row["position"],
            picture=row["batch"] * batch_size(values),
            step=row["step"],
            steps=row["steps"],
            resolution=row["resolution"],
            cancelling=bool(row["cancelling"]),
            failure=failure,
        )


def _insert(connection: sqlite3.Connection, row: Mapping[str, object]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    sql = f"INSERT INTO jobs (queue_position, {columns}) VALUES ({_NEXT_POSITION}, {marks})"
    connection.execute(sql, tuple(row.values()))


def _restored_row(job: RestoredJob) -> dict[str, object]:
    request, init_image = _split_init_image(dict(job.values))
    return {
        "id": job.id,
        "state": job.state,
        "owner": job.key.owner,
        "request_digest": job.key.digest,
        "request": request,
        "init_image": init_image,
        "model": str(job.values.get("model", "")),
        "cost": 0.0,
        "created_at": job.created,
        "queued_at": job.created,
        "started_at": job.created,
        "ended_at": job.ended,
    }


def _split_init_image(values: dict[str, Any]) -> tuple[str, str | None]:
    """Return a request as JSON without an init image that is a data URI, and that image."""
    init_image = values.get("init_image")
    is_data = isinstance(init_image, str) and init_image.startswith("data:")
    body = {**values, "init_image": None} if is_data else values
    return json.dumps(body, ensure_ascii=False), init_image if is_data else None


def _parse(text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", values) if isinstance(values, dict) else {}


def _admission(connection: sqlite3.Connection, owner: str, limits: RunnerLimits) -> Admission:
    """Return whether the limits allow one more job of an owner."""
    queued = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0]
    if queued >= limits.queue:
        return "queue_full"
    unfinished = "SELECT count(*) FROM jobs WHERE owner = ? AND state IN ('queued', 'painting')"
    if owner and connection.execute(unfinished, (owner,)).fetchone()[0] >= limits.per_owner:
        return "owner_limit"
    return "accepted"


def _requeue(connection: sqlite3.Connection, condition: str, now: float, *values: object) -> None:
    cancelled = (
        "UPDATE jobs SET state = 'cancelled', ended_at = ?, cancelling = 0 WHERE state = 'painting' AND cancelling"
    )
    connection.execute(f"{cancelled} AND {condition}", (now, *values))
    queued = f"UPDATE jobs SET state = 'queued', queued_at = ? WHERE state = 'painting' AND {condition}"
    connection.execute(queued, (now, *values))


def _not_found(id: str) -> JobNotFound:
    return JobNotFound(
        f"没有 ID 为 {id[:40]!r} 的任务，可能已被删除。", f"There is no job {id[:40]!r}; it may have been deleted."
    )
