"""Interface of the database of jobs: a file of one service, or a PostgreSQL database that several services share.

SQL is written once, with `?` for values. It is limited to what SQLite and PostgreSQL have in common.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Row(Protocol):
    """A row of a result; its values are read by the names of their columns."""

    def __getitem__(self, column: str, /) -> Any:
        """Return a value."""
        ...


class Cursor(Protocol):
    """Result of a statement."""

    @property
    def rowcount(self) -> int:
        """Number of rows that the statement changed."""
        ...

    def fetchone(self) -> Row | None:
        """Return the next row; None if there is none."""
        ...

    def fetchall(self) -> Sequence[Row]:
        """Return all remaining rows."""
        ...


class Connection(Protocol):
    """A connection within a transaction."""

    def execute(self, sql: str, values: Sequence[object] = ..., /) -> Cursor:
        """Run one statement."""
        ...


class JobDatabase(Protocol):
    """Tables `jobs` and `runners`. All methods are thread-safe.

    Columns of `jobs`: jobs are claimed in the order of turn, then of queue_position (an interrupted job keeps both); runner
    is the ID of the runner that runs the job, empty for the only one; request_digest is the hash of the request as given;
    request is the complete request as JSON with placeholders for pictures given as data URIs: the initial image is in
    init_image, the other fields with pictures are in pictures as a JSON object; search_text and shape are for
    `danqing.jobs.job_filter`; cost is in pixels times guided steps; batch, step and steps are the last stored progress;
    resolution is the model's image side.

    Columns of `runners`: see `danqing.jobs.runner_lease`.
    """

    @property
    def is_shared(self) -> bool:
        """True if several services can use the database at the same time."""
        ...

    @property
    def now(self) -> str:
        """SQL expression for the current time of the database in seconds since 1970."""
        ...

    def query(self, sql: str, *values: object) -> Sequence[Row]:
        """Return the rows of a query.

        Raises:
            StorageError: the database cannot be read.
        """
        ...

    def transaction(self, change: Callable[[Connection], T], *, use_reserve: bool = True) -> T:
        """Run a change in one durable transaction. Transactions run one at a time, also those of other services.

        Args:
            change: receives the connection; its result is returned. If it raises, nothing is changed.
            use_reserve: use space that is reserved for a full disk, if there is any. Not for new jobs.
        Raises:
            StorageError: the database cannot be written.
        """
        ...

    def subscribe(self, on_change: Callable[[str, str], None]) -> None:
        """Call a function after each change of a job by any service, until `close`.

        Args:
            on_change: receives the job's ID and its new state, "deleted" if it was deleted; called from a thread of its own.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
