"""Leases of runners that share a database: the jobs of a runner that has died or lost its connection return to the queue.

Each runner renews a row of the table `runners` every second: `seen_at` is the time of the last renewal by the database's clock,
`workers` the number of its worker processes.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from danqing.errors import StorageError
from danqing.jobs.database import Connection, JobDatabase
from danqing.jobs.job_store import requeue_where
from danqing.jobs.progress import Progress

RENEW_SECONDS = 1.0
"""Interval of renewals. Other runners see the progress of a job with this delay."""
LEASE_SECONDS = 15.0
"""Other runners take over the jobs of a runner that has not renewed its lease for this long."""
INTERRUPT_SECONDS = 10.0
"""A runner that cannot renew its lease for this long interrupts its jobs, before others take them over."""

log = logging.getLogger(__name__)


class Renewal(NamedTuple):
    """Result of a renewal."""

    cancelling: tuple[str, ...]
    """IDs of jobs of this runner that a client has cancelled, possibly through another runner."""
    lost: tuple[str, ...]
    """IDs of jobs that no longer belong to this runner: it was taken for dead, and they were returned to the queue."""
    workers: int
    """Worker processes of all runners."""


def renew(database: JobDatabase, runner: str, running: Mapping[str, Progress], *, workers: int) -> Renewal:
    """Renew the lease of a runner, store the progress of its jobs, and return the jobs of dead runners to the queue.

    Args:
        database: the shared database.
        runner: ID of the runner.
        running: progress of each job that it runs.
        workers: number of its worker processes.
    Raises:
        StorageError: the database cannot be written.
    """

    def change(connection: Connection) -> Renewal:
        sql = f"""INSERT INTO runners (id, workers, seen_at) VALUES (?, ?, {database.now})
          ON CONFLICT (id) DO UPDATE SET workers = excluded.workers, seen_at = excluded.seen_at"""
        connection.execute(sql, (runner, workers))
        states = {id: _store_progress(connection, runner, id, progress) for id, progress in running.items()}
        requeue_lost(database, connection)
        total = connection.execute("SELECT sum(workers) AS workers FROM runners").fetchone()
        return Renewal(
            cancelling=tuple(id for id, cancelling in states.items() if cancelling),
            lost=tuple(id for id, cancelling in states.items() if cancelling is None),
            workers=int(total["workers"]) if total else workers,
        )

    return database.transaction(change)


def requeue_lost(database: JobDatabase, connection: Connection) -> None:
    """Return the jobs of all runners whose leases have expired to the queue."""
    connection.execute(f"DELETE FROM runners WHERE seen_at < {database.now} - ?", (LEASE_SECONDS,))
    requeue_where(connection, "runner NOT IN (SELECT id FROM runners)", time.time())


def _store_progress(connection: Connection, runner: str, id: str, progress: Progress) -> bool | None:
    """Store the progress of a job and return whether it is being cancelled; None if it no longer belongs to the runner."""
    own = "id = ? AND runner = ? AND state = 'painting'"
    columns = "cancelling, batch, step, steps"
    row = connection.execute(f"SELECT {columns} FROM jobs WHERE {own}", (id, runner)).fetchone()
    if row is None:
        return None
    values = (progress.batch, progress.step, progress.steps)
    if values != (row["batch"], row["step"], row["steps"]):
        connection.execute(f"UPDATE jobs SET batch = ?, step = ?, steps = ? WHERE {own}", (*values, id, runner))
    return bool(row["cancelling"])


class RunnerLease:
    """A thread that renews the lease of a runner until `stop`.

    Args:
        database: the shared database.
        runner: ID of the runner.
        workers: number of its worker processes.
        running: returns the progress of each job that it runs.
        on_cancel: called with the ID of a job that was cancelled, possibly more than once.
        on_lost: called with the ID of a job that must be interrupted.
    Raises:
        StorageError: the database cannot be written.
    """

    def __init__(
        self,
        database: JobDatabase,
        runner: str,
        *,
        workers: int,
        running: Callable[[], Mapping[str, Progress]],
        on_cancel: Callable[[str], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._database = database
        self._runner = runner
        self._workers = workers
        self._running = running
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._total_workers = renew(database, runner, {}, workers=workers).workers
        self._renewed = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-lease", daemon=True)
        self._thread.start()

    @property
    def total_workers(self) -> int:
        """Worker processes of all runners at the last renewal."""
        return self._total_workers

    def stop(self) -> None:
        """Stop the thread and end the lease."""
        self._stopped.set()
        self._thread.join()
        sql = "DELETE FROM runners WHERE id = ?"
        try:
            self._database.transaction(lambda connection: connection.execute(sql, (self._runner,)))
        except StorageError as error:  # the lease then expires by itself
            log.error("%s", error.en)

    def _run(self) -> None:
        while not self._stopped.wait(RENEW_SECONDS):
            try:
                self._renew()
            except StorageError as error:
                log.error("%s", error.en)
            except (
                Exception
            ):  # if the thread ended, the lease would expire and all jobs of this runner would be requeued
                log.exception("lease of runner %s", self._runner)
            if time.monotonic() - self._renewed > INTERRUPT_SECONDS:
                for id in self._running():
                    self._on_lost(id)

    def _renew(self) -> None:
        renewal = renew(self._database, self._runner, self._running(), workers=self._workers)
        self._total_workers = renewal.workers
        self._renewed = time.monotonic()
        for id in renewal.cancelling:
            self._on_cancel(id)
        for id in renewal.lost:
            log.warning("job %s was taken over by another runner", id)
            self._on_lost(id)
