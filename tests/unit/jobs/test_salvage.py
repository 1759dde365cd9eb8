"""Rows of a damaged database are kept as far as they can be read."""

import json
import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danqing.jobs import RunnerLimits
from danqing.jobs.job_folders import JOBS
from danqing.jobs.job_store import JobStore, NewJob, RequestKey
from danqing.jobs.open_home import open_jobs
from danqing.jobs.sqlite_database import FILE, SqliteDatabase
from danqing.request import read_request
from tests.unit.jobs.requests import quick

pytestmark = pytest.mark.slow

PAGE = 4096


def fill(home: Path, count: int) -> list[str]:
    """Create a database with queued jobs, which have no folder; returns their IDs in the order of the queue."""
    request = read_request(quick().model_dump(mode="json"))
    database = SqliteDatabase(home)
    store = JobStore(database, home / JOBS)
    ids = [str(uuid4()) for _ in range(count)]
    for id in ids:
        new = NewJob(id, RequestKey("digest", "a"), request, 1.0)
        assert store.add(new, limits=RunnerLimits(queue=10_000, per_owner=10_000)) == "accepted"
    database.close()
    return ids


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_queued_jobs_survive_a_damaged_page(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    home = tmp_path_factory.mktemp("home")
    ids = fill(home, 40)
    file = home / FILE
    content = bytearray(file.read_bytes())
    page = data.draw(st.integers(3, len(content) // PAGE - 1), "page")  # the first pages hold the schema
    content[page * PAGE : (page + 1) * PAGE] = b"\xff" * PAGE
    file.write_bytes(content)
    opened = open_jobs(home)
    kept = [job.id for job in opened.store.list_jobs(None, (), limit=1000)][::-1]
    assert kept == [id for id in ids if id in kept]
    assert len(kept) >= 20
    assert all(json.loads(json.dumps(opened.store.get(id).values))["prompts"] for id in kept)
    opened.database.close()


def test_a_file_that_is_no_database_is_replaced_by_an_empty_one(tmp_path: Path) -> None:
    tmp_path.joinpath(FILE).write_bytes(b"not a database" * 1000)
    opened = open_jobs(tmp_path)
    assert opened.damaged is not None
    assert opened.store.ids() == ()
    opened.database.close()


def test_rows_of_an_older_version_are_kept(tmp_path: Path) -> None:
    ids = fill(tmp_path, 3)
    with sqlite3.connect(tmp_path / FILE) as older:
        for index in ("jobs_by_state", "jobs_by_turn", "jobs_by_owner_turn"):
            older.execute(f"DROP INDEX {index}")
        older.execute("ALTER TABLE jobs DROP COLUMN turn")
    older.close()
    opened = open_jobs(tmp_path)
    assert opened.damaged is not None, "the version does not fit its columns"
    assert opened.store.ids() == tuple(ids)
    opened.database.close()
