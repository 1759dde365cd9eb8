"""Copies the readable rows of a damaged job database to a new one."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args
from uuid import UUID

from danqing.jobs.job import State
from danqing.jobs.sqlite_database import FILE, SqliteDatabase

_MAX_ROWS = 1_000_000
"""Rows that are tried if the number of rows cannot be read either."""


def salvage(damaged: Path, database: SqliteDatabase) -> int:
    """Copy all rows of a damaged database that can be read and are valid.

    Args:
        damaged: folder of the damaged database; not changed.
        database: a new database.
    Returns:
        Number of copied rows.
    Raises:
        StorageError: the new database cannot be written.
    """
    known = [row["name"] for row in database.query("PRAGMA table_info(jobs)")]
    with TemporaryDirectory(dir=damaged, prefix="salvage-") as folder:  # SQLite changes what it opens
        for file in damaged.glob(f"{FILE}*"):
            shutil.copy2(file, folder)
        rows = [row for row in _read_rows(Path(folder) / FILE, known) if _is_valid(row)]
    if not rows:
        return 0
    columns = rows[0].keys()
    sql = f"INSERT OR IGNORE INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    values = [tuple(row) for row in rows]
    return database.transaction(lambda connection: connection.executemany(sql, values).rowcount)


def _read_rows(file: Path, known: list[str]) -> Iterator[sqlite3.Row]:
    """Yield the readable rows with those of the known columns that the file has: an older version wrote fewer."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        with suppress(sqlite3.Error):  # without a readable schema there are no rows
            present = {row["name"] for row in connection.execute("PRAGMA table_info(jobs)")}
            sql = f"SELECT {', '.join(name for name in known if name in present)} FROM jobs WHERE number = ?"
            connection.execute(f"{sql} LIMIT 0", (0,))
            for number in range(1, _last_number(connection) + 1):
                # One query a row: damage to one page of the file does not affect the rows of the others.
                with suppress(sqlite3.Error):
                    yield from connection.execute(sql, (number,)).fetchall()


def _last_number(connection: sqlite3.Connection) -> int:
    with suppress(sqlite3.Error):
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
        if row is not None and isinstance(row[0], int):
            return min(row[0], _MAX_ROWS)
    return _MAX_ROWS


def _is_valid(row: sqlite3.Row) -> bool:
    """Return True if a row was not changed by the damage, as far as that can be found."""
    try:
        return (
            str(UUID(row["id"])) == row["id"]
            and row["state"] in get_args(State)
            and isinstance(json.loads(row["request"]), dict)
            and all(
                isinstance(row[name], int | float) for name in ("queue_position", "cost", "created_at", "queued_at")
            )
        )
    except (ValueError, TypeError, AttributeError):
        return False
