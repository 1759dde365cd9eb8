"""Job database in an SQLite file: durable transactions, also on a full disk, and numbered migrations."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from danqing.errors import StorageError
from danqing.i18n import error_reason

FILE = "jobs.sqlite3"

MIGRATIONS = (
    """
    CREATE TABLE IF NOT EXISTS jobs (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, place INTEGER NOT NULL, state TEXT NOT NULL,
      owner TEXT NOT NULL, asked TEXT NOT NULL, request TEXT NOT NULL, init TEXT, work REAL NOT NULL,
      created REAL NOT NULL, queued REAL NOT NULL, started REAL, ended REAL, cancelling INTEGER NOT NULL DEFAULT 0,
      batch INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0,
      reason TEXT, zh TEXT, en TEXT);
    CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, place);
    CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, number)
    """,
    """
    ALTER TABLE jobs RENAME COLUMN place TO queue_position;
    ALTER TABLE jobs RENAME COLUMN asked TO request_digest;
    ALTER TABLE jobs RENAME COLUMN init TO init_image;
    ALTER TABLE jobs RENAME COLUMN work TO cost;
    ALTER TABLE jobs RENAME COLUMN created TO created_at;
    ALTER TABLE jobs RENAME COLUMN queued TO queued_at;
    ALTER TABLE jobs RENAME COLUMN started TO started_at;
    ALTER TABLE jobs RENAME COLUMN ended TO ended_at;
    ALTER TABLE jobs RENAME COLUMN reason TO failure_reason;
    ALTER TABLE jobs RENAME COLUMN zh TO failure_zh;
    ALTER TABLE jobs RENAME COLUMN en TO failure_en;
    ALTER TABLE jobs ADD COLUMN model TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN resolution INTEGER
    """,
    "ALTER TABLE jobs ADD COLUMN pictures TEXT",
    """
    ALTER TABLE jobs ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN runner TEXT NOT NULL DEFAULT '';
    CREATE TABLE runners (id TEXT PRIMARY KEY, workers INTEGER NOT NULL, seen_at REAL NOT NULL);
    DROP INDEX IF EXISTS jobs_by_state;
    CREATE INDEX jobs_by_state ON jobs (state, turn, queue_position);
    CREATE INDEX jobs_by_turn ON jobs (turn) WHERE started_at IS NOT NULL;
    CREATE INDEX jobs_by_owner_turn ON jobs (owner, turn);
    ALTER TABLE jobs ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN shape TEXT NOT NULL DEFAULT '';
    UPDATE jobs SET search_text = lower(coalesce((SELECT group_concat(value, ' ') FROM json_each(request, '$.prompts')), '')
      || ' ' || coalesce(json_extract(request, '$.artist'), '') || ' ' || coalesce(json_extract(request, '$.style'), '')),
      shape = CASE
        WHEN json_extract(request, '$.size[0]') < json_extract(request, '$.size[1]') THEN 'tall'
        WHEN json_extract(request, '$.size[0]') >= 2.5 * json_extract(request, '$.size[1]') THEN 'scroll'
        WHEN json_extract(request, '$.size[0]') > json_extract(request, '$.size[1]') THEN 'wide' ELSE 'square' END
      WHERE json_valid(request)
    """,
)
"""Migration n changes version n-1 to n; the version is stored as `PRAGMA user_version`. Never change a released entry.

Columns: see `danqing.jobs.database.JobDatabase`.
"""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=200", "journal_size_limit=4194304")
_COLUMNS = """number, id, queue_position, request_digest, init_image, cost, ended_at, failure_zh, model, resolution, turn, runner,
  search_text, shape"""
_DAMAGED = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
RESERVE_BYTES = 256 * 1024
"""Size of a file that is removed on a full disk, so that the end of a job can still be stored."""

T = TypeVar("T")


class DamagedDatabase(Exception):
    """The file is damaged, or is not a database of jobs."""


class SqliteDatabase:
    """A `JobDatabase` in an SQLite file, shared by the threads of one process.

    Args:
        home: folder of the database; created if it does not exist. An older database is migrated.
    Raises:
        DamagedDatabase: the file is damaged, or is not a database of jobs.
        StorageError: it cannot be read or written, or was written by a newer version.
    """

    is_shared = False
    now = "(julianday('now') - 2440587.5) * 86400.0"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._reserve = home / "reserve"
        self._lock = threading.RLock()
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(home / FILE, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._storage_error(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            if _error_code(error) in _DAMAGED:
                raise DamagedDatabase(str(error)) from error
            raise self._storage_error(error) from error
        except BaseException:
            self._connection.close()
            raise
        self.restore_reserve()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def restore_reserve(self) -> None:
        """Create the reserve file again if there is enough free space."""
        with suppress(OSError):
            if not self._reserve.exists() and shutil.disk_usage(self._home).free > 4 * RESERVE_BYTES:
                self._reserve.write_bytes(bytes(RESERVE_BYTES))

    def query(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query.

        Raises:
            StorageError: the database cannot be read.
        """
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._storage_error(error) from error

    def transaction(self, change: Callable[[sqlite3.Connection], T], *, use_reserve: bool = True) -> T:
        """Run a change in one durable transaction.

        Args:
            change: receives the connection; its result is returned. If it raises, nothing is changed.
            use_reserve: remove the reserve file if the disk is full. Not for new jobs.
        Raises:
            StorageError: the database cannot be written.
        """
        with self._lock:
            try:
                return self._transaction(change)
            except sqlite3.Error as error:
                if not use_reserve:
                    raise self._storage_error(error) from error
            self._reserve.unlink(missing_ok=True)
            try:
                return self._transaction(change)
            except sqlite3.Error as error:
                raise self._storage_error(error) from error

    def subscribe(self, on_change: Callable[[str, str], None]) -> None:
        """Do nothing: only one service uses the file, and it makes every change itself."""

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of the database to a new file, also while it is used.

        Raises:
            StorageError: the copy cannot be written.
        """
        self.query("VACUUM INTO ?", str(path))

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        problems = [row[0] for row in self._connection.execute("PRAGMA quick_check(1)")]
        if problems != ["ok"]:
            raise DamagedDatabase(problems[0])
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StorageError(
                f"任务数据库 {self._home / FILE} 由更新版本的 danqing 写入，当前版本无法读取。请升级 danqing。",
                f"The job database {self._home / FILE} was written by a newer version of danqing. Upgrade danqing.",
            )
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            self._transaction(lambda connection, sql=migration, n=number: _migrate(connection, sql, n))
        self._connection.execute(f"SELECT {_COLUMNS} FROM jobs LIMIT 0")

    def _transaction(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = change(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def _storage_error(self, error: Exception) -> StorageError:
        reason = error_reason(error)
        return StorageError(
            f"无法读写任务数据库 {self._home / FILE}：{reason.zh}。请检查磁盘空间和权限。",
            f"Cannot access the job database {self._home / FILE}: {reason.en}. Check disk space and permissions.",
        )


def _migrate(connection: sqlite3.Connection, sql: str, version: int) -> None:
    for statement in sql.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")


def _error_code(error: sqlite3.Error) -> int:
    """Return the primary error code of SQLite."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
