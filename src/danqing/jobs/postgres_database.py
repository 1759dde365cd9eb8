"""Job database in PostgreSQL, which several services share: numbered migrations, and notifications of changes."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from danqing.errors import InvalidRequest, StorageError
from danqing.jobs.database import Connection

MIGRATIONS = (
    """
    CREATE TABLE jobs (
      number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL UNIQUE, turn BIGINT NOT NULL,
      queue_position BIGINT NOT NULL, state TEXT NOT NULL, runner TEXT NOT NULL DEFAULT '',
      owner TEXT NOT NULL, request_digest TEXT NOT NULL, request TEXT NOT NULL, init_image TEXT, pictures TEXT,
      search_text TEXT NOT NULL DEFAULT '', shape TEXT NOT NULL DEFAULT '',
      model TEXT NOT NULL DEFAULT '', resolution INTEGER, cost DOUBLE PRECISION NOT NULL,
      created_at DOUBLE PRECISION NOT NULL, queued_at DOUBLE PRECISION NOT NULL, started_at DOUBLE PRECISION,
      ended_at DOUBLE PRECISION, cancelling INTEGER NOT NULL DEFAULT 0,
      batch INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0,
      failure_reason TEXT, failure_zh TEXT, failure_en TEXT);
    CREATE INDEX jobs_by_state ON jobs (state, turn, queue_position);
    CREATE INDEX jobs_by_owner ON jobs (owner, number);
    CREATE INDEX jobs_by_turn ON jobs (turn) WHERE started_at IS NOT NULL;
    CREATE INDEX jobs_by_owner_turn ON jobs (owner, turn);
    CREATE TABLE runners (id TEXT PRIMARY KEY, workers INTEGER NOT NULL, seen_at DOUBLE PRECISION NOT NULL);
    CREATE FUNCTION danqing_notify_job() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('danqing_jobs', 'deleted ' || OLD.id);
      ELSE
        PERFORM pg_notify('danqing_jobs', NEW.state || ' ' || NEW.id);
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER danqing_job_changed AFTER INSERT OR UPDATE OR DELETE ON jobs
      FOR EACH ROW EXECUTE FUNCTION danqing_notify_job()
    """,
)
"""Migration n changes version n-1 to n; the version is stored in the table `danqing_version`. Never change a released entry.

Columns: see `danqing.jobs.database.JobDatabase`.
"""

CHANNEL = "danqing_jobs"
"""Channel of the notifications that the trigger sends: the new state of a job and its ID."""
_LOCK = 0x64616E71
"""Key of the advisory lock that every transaction holds."""
_SESSION = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'"
_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "fallback_application_name": "danqing",
}
_MAX_CONNECTIONS = 8
_MAX_WAIT_SECONDS = 5.0
"""Time to wait for a connection; after it an error is reported."""
_POLL_SECONDS = 1.0
"""Interval at which the listening thread tests whether the database was closed, and of attempts to connect again."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class PostgresDatabase:
    """A `JobDatabase` in PostgreSQL.

    Args:
        url: connection string, for example postgresql://user@host/danqing. Passwords are better kept in ~/.pgpass or PGPASSWORD.
    Raises:
        InvalidRequest: the connection string is invalid.
        StorageError: the database cannot be used, or was written by a newer version.
    """

    is_shared = True
    now = "extract(epoch FROM clock_timestamp())::float8"

    def __init__(self, url: str) -> None:
        try:
            parameters = conninfo_to_dict(url)
            self._conninfo = make_conninfo(url, **{k: v for k, v in _CONNECTION.items() if k not in parameters})
        except psycopg.ProgrammingError as error:
            raise InvalidRequest(
                f"数据库地址无效（{_first_line(error)}），例如 postgresql://user@host/danqing。",
                f"The address of the database is invalid ({_first_line(error)}); an example is postgresql://user@host/danqing.",
                field="database",
            ) from error
        self._name = f"{parameters.get('host', 'localhost')}/{parameters.get('dbname', '')}"
        self._closed = threading.Event()
        self._listener: threading.Thread | None = None
        try:
            with psycopg.Connection[DictRow].connect(
                self._conninfo, row_factory=dict_row, autocommit=True
            ) as connection:
                _transaction(connection, self._migrate)
        except psycopg.Error as error:
            raise self._storage_error(error) from error
        self._pool = ConnectionPool(
            self._conninfo,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "autocommit": True},
            configure=_configure,
            check=_check,
            min_size=1,
            max_size=_MAX_CONNECTIONS,
            timeout=_MAX_WAIT_SECONDS,
            reconnect_timeout=_MAX_WAIT_SECONDS,
            open=True,
        )

    def close(self) -> None:
        """Close all connections."""
        self._closed.set()
        if self._listener is not None and self._listener is not threading.current_thread():
            self._listener.join()
        self._pool.close()

    def query(self, sql: str, *values: object) -> list[DictRow]:
        """Return the rows of a query; see `JobDatabase.query`."""
        try:
            with self._pool.connection() as connection:
                return connection.execute(_translate(sql), _storable(values)).fetchall()
        except psycopg.Error as error:
            raise self._storage_error(error) from error

    def transaction(self, change: Callable[[Connection], T], *, use_reserve: bool = True) -> T:
        """Run a change in one transaction; see `JobDatabase.transaction`. There is no reserve."""
        del use_reserve
        try:
            with self._pool.connection() as connection:
                return _transaction(connection, change)
        except psycopg.Error as error:
            raise self._storage_error(error) from error

    def subscribe(self, on_change: Callable[[str, str], None]) -> None:
        """Report changes of jobs; see `JobDatabase.subscribe`.

        After a lost connection an empty ID is reported: any job may have changed meanwhile.
        """
        self._listener = threading.Thread(target=self._listen, args=(on_change,), name="job-changes", daemon=True)
        self._listener.start()

    def _listen(self, on_change: Callable[[str, str], None]) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    on_change("", "")
                    while not self._closed.is_set():
                        for notification in connection.notifies(timeout=_POLL_SECONDS):
                            state, _, id = notification.payload.partition(" ")
                            on_change(id, state)
            except psycopg.Error as error:
                log.error("%s", self._storage_error(error).en)
                self._closed.wait(_POLL_SECONDS)

    def _migrate(self, connection: Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS danqing_version (version INTEGER NOT NULL)")
        row = connection.execute("SELECT max(version) AS version FROM danqing_version").fetchone()
        version: int = (row["version"] if row else None) or 0
        if version > len(MIGRATIONS):
            raise StorageError(
                f"任务数据库 {self._name} 由更新版本的 danqing 写入，当前版本无法读取。请升级 danqing。",
                f"The job database {self._name} was written by a newer version of danqing. Upgrade danqing.",
            )
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            connection.execute(migration)
            connection.execute("INSERT INTO danqing_version VALUES (?)", (number,))

    def _storage_error(self, error: psycopg.Error) -> StorageError:
        reason = _first_line(error)
        return StorageError(
            f"无法读写任务数据库 {self._name}：{reason}。请检查 PostgreSQL 是否运行、地址和权限是否正确。",
            f"Cannot access the job database {self._name}: {reason}. Check that PostgreSQL runs, its address and permissions.",
        )


class _TranslatingConnection:
    """Accepts the SQL of `JobDatabase`."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[object] = (), /) -> psycopg.Cursor[DictRow]:
        """Run one statement; without values also several."""
        return self._connection.execute(_translate(sql), _storable(values) or None)


def _transaction(connection: psycopg.Connection[DictRow], change: Callable[[Connection], T]) -> T:
    """Run a change while no other transaction runs, so that limits are exact and each job is taken once."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        return change(_TranslatingConnection(connection))


def _configure(connection: psycopg.Connection[Any]) -> None:
    connection.execute(_SESSION)


def _check(connection: psycopg.Connection[Any]) -> None:
    """Raise an error if a pooled connection was lost; the pool then opens another one."""
    ConnectionPool.check_connection(connection)


@lru_cache(256)
def _translate(sql: str) -> bytes:
    """Return a statement with PostgreSQL's marks for values."""
    return sql.replace("?", "%s").encode()


def _storable(values: Sequence[object]) -> tuple[object, ...]:
    """Replace the NUL character, which PostgreSQL does not store."""
    return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
