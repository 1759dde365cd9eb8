"""The file that jobs are written down in: every change lasts, even where the disk is full or the power goes."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from danqing.errors import StorageError

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  place INTEGER NOT NULL,           -- the order of the queue; an interrupted job keeps its own
  state TEXT NOT NULL,
  owner TEXT NOT NULL,
  asked TEXT NOT NULL,              -- the sum of the request as it was given
  request TEXT NOT NULL,            -- complete, without its start picture
  init TEXT,                        -- that picture, where it is a data URI
  work REAL NOT NULL,               -- pixels times guided steps
  created REAL NOT NULL,
  queued REAL NOT NULL,
  started REAL,
  ended REAL,
  cancelling INTEGER NOT NULL DEFAULT 0,
  batch INTEGER NOT NULL DEFAULT 0, -- where it stood when it was last let go of
  step INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  zh TEXT,
  en TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, place);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, number);
"""
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=200", "journal_size_limit=4194304")
RESERVE = 256 * 1024
"""Bytes put aside, so that a full disk does not keep the end of a job from being written down."""

T = TypeVar("T")


class Book:
    """An SQLite file, for the threads of one process; what the disk does is raised as `StorageError`."""

    def __init__(self, home: Path) -> None:
        """Open the book, or begin one.

        Raises:
            StorageError: it cannot be read or written.
        """
        self._home = home
        self._reserve = home / "reserve"
        self._lock = threading.RLock()
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._book = sqlite3.connect(home / "jobs.sqlite3", check_same_thread=False, isolation_level=None)
            for line in _PRAGMAS:
                self._book.execute(f"PRAGMA {line}")
            self._book.executescript(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise self._unwritable(error) from error
        self.keep_reserve()

    def close(self) -> None:
        """Close the book."""
        with self._lock:
            self._book.close()

    def keep_reserve(self) -> None:
        """Put the reserve aside again, where there is room for it."""
        with suppress(OSError):
            if not self._reserve.exists() and shutil.disk_usage(self._home).free > 4 * RESERVE:
                self._reserve.write_bytes(bytes(RESERVE))

    def read(self, ask: str, *values: object) -> list[Any]:
        """The rows that answer a question."""
        with self._lock:
            try:
                return self._book.execute(ask, values).fetchall()
            except sqlite3.Error as error:
                raise self._unwritable(error) from error

    def write(self, change: Callable[[sqlite3.Connection], T], *, reserve: bool = True) -> T:
        """Make a change that lasts, whole or not at all.

        Args:
            change: what to do within the transaction.
            reserve: give up the reserve where the disk is full; not for new work.
        """
        with self._lock:
            try:
                return self._transact(change)
            except sqlite3.Error as error:
                if not reserve:
                    raise self._unwritable(error) from error
            self._reserve.unlink(missing_ok=True)
            try:
                return self._transact(change)
            except sqlite3.Error as error:
                raise self._unwritable(error) from error

    def _transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        self._book.execute("BEGIN IMMEDIATE")
        try:
            result = change(self._book)
            self._book.execute("COMMIT")
        except BaseException:
            if self._book.in_transaction:
                self._book.execute("ROLLBACK")
            raise
        return result

    def _unwritable(self, error: Exception) -> StorageError:
        return StorageError(
            f"任务簿 {self._home / 'jobs.sqlite3'} 读写不了：{error}。请检查磁盘空间和权限。",
            f"The book of jobs {self._home / 'jobs.sqlite3'} cannot be used: {error}. Check disk space and permissions.",
        )
