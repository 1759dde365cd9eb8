"""The shared database: its errors, its migrations, and notifications across connections and restarts."""

import threading
from collections.abc import Iterator

import pytest

from danqing.errors import InvalidRequest, StorageError
from danqing.jobs.database import Connection
from danqing.jobs.postgres_database import MIGRATIONS, PostgresDatabase
from tests.postgresql import PostgresServer, find_programs, postgres_server

pytestmark = pytest.mark.slow

INSERT = """INSERT INTO jobs (id, turn, queue_position, state, owner, request_digest, request, cost, created_at, queued_at)
  VALUES (?, 0, 0, 'queued', '', '', '{}', 1, 0, 0)"""


class Changes:
    """Collects notifications."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def __call__(self, id: str, state: str) -> None:
        with self._changed:
            self.seen.append((id, state))
            self._changed.notify_all()

    def wait(self, *expected: tuple[str, str]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.seen[-len(expected) :] == list(expected), 60), self.seen


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.create_database()


@pytest.fixture
def database(url: str) -> Iterator[PostgresDatabase]:
    """An open database."""
    opened = PostgresDatabase(url)
    yield opened
    opened.close()


def test_a_transaction_is_atomic(database: PostgresDatabase) -> None:
    def half(connection: Connection) -> None:
        connection.execute(INSERT, ("a",))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        database.transaction(half)
    assert database.query("SELECT id FROM jobs") == []
    with pytest.raises(StorageError, match="PostgreSQL"):
        database.query("SELECT nonsense")
    with pytest.raises(StorageError):
        database.transaction(lambda connection: connection.execute("SELECT nonsense"))
    database.transaction(lambda connection: connection.execute(INSERT, ("a",)))
    assert [row["id"] for row in database.query("SELECT id FROM jobs")] == ["a"]


def test_transactions_run_one_at_a_time(database: PostgresDatabase, url: str) -> None:
    other = PostgresDatabase(url)

    def count(connection: Connection) -> None:
        row = connection.execute("SELECT count(*) AS n FROM jobs").fetchone()
        assert row is not None
        connection.execute(INSERT, (f"{row['n']}",))  # fails if another transaction has counted the same

    databases = [database, other] * 10
    threads = [threading.Thread(target=one.transaction, args=(count,)) for one in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.query("SELECT count(*) AS n FROM jobs")[0]["n"] == len(databases)
    other.close()


def test_changes_are_reported_to_every_service(database: PostgresDatabase, url: str) -> None:
    other, changes = PostgresDatabase(url), Changes()
    other.subscribe(changes)
    changes.wait(("", ""))
    database.transaction(lambda connection: connection.execute(INSERT, ("a",)))
    database.transaction(lambda connection: connection.execute("UPDATE jobs SET state = 'painting'"))
    database.transaction(lambda connection: connection.execute("DELETE FROM jobs"))
    changes.wait(("a", "queued"), ("a", "painting"), ("a", "deleted"))
    other.close()


def test_a_restart_of_the_database_server_is_survived() -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(programs) as server:
        database, changes = PostgresDatabase(server.create_database()), Changes()
        database.subscribe(changes)
        changes.wait(("", ""))
        server.stop()
        with pytest.raises(StorageError, match="PostgreSQL"):
            database.query("SELECT 1 AS one")
        server.start()
        changes.wait(("", ""), ("", ""))
        database.transaction(lambda connection: connection.execute(INSERT, ("a",)))
        changes.wait(("a", "queued"))
        database.close()


def test_migrations_run_once_also_for_several_at_a_time(url: str) -> None:
    opened: list[PostgresDatabase] = []
    threads = [threading.Thread(target=lambda: opened.append(PostgresDatabase(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = [row["version"] for row in opened[0].query("SELECT version FROM danqing_version")]
    assert versions == list(range(1, len(MIGRATIONS) + 1))
    opened[0].transaction(
        lambda connection: connection.execute("INSERT INTO danqing_version VALUES (?)", (len(MIGRATIONS) + 1,))
    )
    for database in opened:
        database.close()
    with pytest.raises(StorageError, match="newer version"):
        PostgresDatabase(url)


@pytest.mark.parametrize("url", ["nonsense", "postgresql://host/x?nonsense=1"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="postgresql://") as caught:
        PostgresDatabase(url)
    assert caught.value.field == "database"


def test_an_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(StorageError, match="nobody/jobs") as caught:
        PostgresDatabase("postgresql://anna:secret@nobody/jobs?hostaddr=127.0.0.1&port=1&connect_timeout=2")
    assert "secret" not in caught.value.en
