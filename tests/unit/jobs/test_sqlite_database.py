"""The database under bad conditions: a disk that is full, a file that is none."""

import sqlite3
from pathlib import Path

import pytest

from danqing.errors import StorageError
from danqing.jobs.sqlite_database import MIGRATIONS, RESERVE_BYTES, DamagedDatabase, SqliteDatabase


def limit_pages(database: SqliteDatabase, pages: int) -> None:
    """SQLite's own way to run out of space."""
    database.query(f"PRAGMA max_page_count={pages}")


def grow(rows: sqlite3.Connection) -> None:
    rows.execute("CREATE TABLE IF NOT EXISTS ballast (body BLOB)")
    rows.execute("INSERT INTO ballast VALUES (zeroblob(1000000))")


def test_a_transaction_is_atomic(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path)

    def half(rows: sqlite3.Connection) -> None:
        rows.execute("CREATE TABLE half (a)")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.transaction(half)

    with pytest.raises(StorageError, match=r"jobs\.sqlite3"):
        database.query("SELECT * FROM half")
    assert database.transaction(lambda rows: rows.execute("SELECT 1").fetchone())[0] == 1
    database.close()


def test_the_reserve_is_used_on_a_full_disk_and_restored(tmp_path: Path) -> None:
    database, reserve = SqliteDatabase(tmp_path), tmp_path / "reserve"
    assert reserve.stat().st_size == RESERVE_BYTES
    limit_pages(database, 20)

    with pytest.raises(StorageError, match="full"):
        database.transaction(grow, use_reserve=False)
    assert reserve.exists(), "new work does not eat it"
    with pytest.raises(StorageError, match="full"):
        database.transaction(grow)
    assert not reserve.exists()

    limit_pages(database, 100_000)
    database.transaction(grow)
    database.restore_reserve()
    assert reserve.stat().st_size == RESERVE_BYTES
    database.close()


def test_changes_are_durable_before_they_return(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path)
    assert database.query("PRAGMA journal_mode")[0][0] == "wal"
    assert database.query("PRAGMA synchronous")[0][0] == 2, "FULL"
    database.close()


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_file_is_recognized(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(content)
    with pytest.raises(DamagedDatabase):
        SqliteDatabase(tmp_path)


def test_an_older_database_is_migrated(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as old:
        old.executescript(MIGRATIONS[0])
        columns = "id, place, state, owner, asked, request, work, created, queued"
        old.execute(f"INSERT INTO jobs ({columns}) VALUES ('a', 1, 'finished', 'anna', 'd', '{{}}', 1, 2, 2)")
    old.close()

    for _ in range(2):
        database = SqliteDatabase(tmp_path)
        assert tuple(database.query("SELECT id, owner, request_digest, created_at FROM jobs")[0]) == (
            "a",
            "anna",
            "d",
            2,
        )
        assert database.query("PRAGMA user_version")[0][0] == len(MIGRATIONS)
        database.close()


def test_a_newer_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path)
    database.query(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    before = (tmp_path / "jobs.sqlite3").read_bytes()

    with pytest.raises(StorageError, match="newer version"):
        SqliteDatabase(tmp_path)

    assert (tmp_path / "jobs.sqlite3").read_bytes() == before
