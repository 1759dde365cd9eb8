"""The book under bad conditions: a disk that is full, a file that is none."""

import sqlite3
from pathlib import Path

import pytest

from danqing.errors import StorageError
from danqing.jobs.database import RESERVE, Book


def limit_pages(book: Book, pages: int) -> None:
    """SQLite's own way to run out of space."""
    book.read(f"PRAGMA max_page_count={pages}")


def grow(rows: sqlite3.Connection) -> None:
    rows.execute("CREATE TABLE IF NOT EXISTS ballast (body BLOB)")
    rows.execute("INSERT INTO ballast VALUES (zeroblob(1000000))")


def test_a_change_is_whole_or_not_at_all(tmp_path: Path) -> None:
    book = Book(tmp_path)

    def half(rows: sqlite3.Connection) -> None:
        rows.execute("CREATE TABLE half (a)")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        book.write(half)

    with pytest.raises(StorageError, match=r"jobs\.sqlite3"):
        book.read("SELECT * FROM half")
    assert book.write(lambda rows: rows.execute("SELECT 1").fetchone()) == (1,)
    book.close()


def test_the_reserve_is_given_up_for_what_must_be_written_and_comes_back(tmp_path: Path) -> None:
    book, reserve = Book(tmp_path), tmp_path / "reserve"
    assert reserve.stat().st_size == RESERVE
    limit_pages(book, 20)

    with pytest.raises(StorageError, match="full"):
        book.write(grow, reserve=False)
    assert reserve.exists(), "new work does not eat it"
    with pytest.raises(StorageError, match="full"):
        book.write(grow)
    assert not reserve.exists()

    limit_pages(book, 100_000)
    book.write(grow)
    book.keep_reserve()
    assert reserve.stat().st_size == RESERVE
    book.close()


def test_changes_are_durable_before_they_return(tmp_path: Path) -> None:
    book = Book(tmp_path)
    assert book.read("PRAGMA journal_mode")[0][0] == "wal"
    assert book.read("PRAGMA synchronous")[0][0] == 2, "FULL"
    book.close()


def test_a_file_that_is_no_book_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match="not a database"):
        Book(tmp_path)
