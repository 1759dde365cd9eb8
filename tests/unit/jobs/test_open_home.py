"""No finished image is lost at a start, whatever has happened to the home."""

import json
import os
import shutil
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch
from uuid import uuid4

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from danqing.errors import JobNotFound, StorageError
from danqing.i18n import Text
from danqing.jobs import Failure, RunnerLimits
from danqing.jobs.backup import back_up
from danqing.jobs.job_folders import delete_job, write_record
from danqing.jobs.job_store import NewJob, RequestKey
from danqing.jobs.open_home import OpenedHome, open_jobs
from danqing.jobs.progress import Progress
from danqing.jobs.sqlite_database import FILE
from danqing.request import read_request
from tests.unit.jobs.requests import quick

COMPLETE = read_request(quick().model_dump(mode="json"))
Action = Literal[
    "crash", "snapshot", "older database", "missing database", "damaged database", "foreign files", "full disk"
]
ACTIONS: tuple[Action, ...] = Action.__args__  # type: ignore[attr-defined]


class Home:
    """The home of a service that paints one image and deletes another between any two starts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = folder.with_name(f"{folder.name}-snapshot.sqlite3")
        self.owners: dict[str, str] = {}

    def start(self) -> OpenedHome:
        self.folder.mkdir(parents=True, exist_ok=True)
        return open_jobs(self.folder)

    def work(self, opened: OpenedHome) -> None:
        """Paint two images and start a third; delete the second."""
        kept, deleted, interrupted = (str(uuid4()) for _ in range(3))
        for id in (kept, deleted, interrupted):
            paint(opened, id, finish=id != interrupted)
        delete_job(opened.store, deleted)
        self.owners[kept] = f"key-{kept[:4]}"

    def damage(self, action: Action) -> None:
        """Change the files of a home without a running service."""
        database = self.folder / FILE
        match action:
            case "snapshot" if database.exists():
                shutil.copyfile(database, self.snapshot)
            case "older database" if self.snapshot.exists():
                shutil.copyfile(self.snapshot, database)
            case "missing database":
                for file in self.folder.glob(f"{FILE}*"):
                    file.unlink()
            case "damaged database":
                database.write_bytes(b"damaged" * 999)
            case "foreign files":
                folder = self.folder / "jobs" / str(uuid4())
                folder.mkdir(parents=True)
                (folder / "request.yaml").write_bytes(b"\xff: [")
                (self.folder / "jobs" / f"{uuid4()}.txt").write_text("notes")
            case _:
                pass

    def check(self, opened: OpenedHome) -> None:
        for id, owner in self.owners.items():
            job = opened.store.get(id)
            assert (job.owner, [file.name for file in job.pictures]) == (owner, ["000.png"])
            assert job.state in ("finished", "queued"), "a queued one finishes at once, as its folder is finished"
            assert job.request == COMPLETE


def paint(opened: OpenedHome, id: str, *, finish: bool = True) -> None:
    """Add and claim a job, and write the folder of its run."""
    key = RequestKey("digest", f"key-{id[:4]}")
    assert opened.store.add(NewJob(id, key, COMPLETE, 1), limits=RunnerLimits(queue=1000)) == "accepted"
    while (claimed := opened.store.claim()) is not None and claimed.job.id != id:
        opened.store.finish(claimed.job.id, "cancelled", progress=Progress())
    folder = opened.store.folder(id)
    write_record(opened.store.get(id), key)
    (folder / "request.yaml").write_text(yaml.safe_dump(COMPLETE.model_dump(mode="json")), "utf-8")
    if finish:
        (folder / "000.png").write_bytes(b"png")
        (folder / "result.json").write_text("{}")
        opened.store.finish(id, "finished", progress=Progress(0, 6, 6))


@contextmanager
def full_disk() -> Any:
    """SQLite reports a full disk when it writes."""
    connect = sqlite3.connect

    def limited(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    with patch("sqlite3.connect", limited):
        yield


@settings(
    max_examples=int(os.environ.get("DANQING_HISTORIES", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(st.sampled_from(ACTIONS), max_size=7))
def test_every_finished_image_survives_any_history(tmp_path: Path, history: list[Action]) -> None:
    home = Home(tmp_path / str(uuid4()))
    opened = home.start()
    for action in history:
        home.work(opened)
        if action == "crash":
            copy = {file.name: file.read_bytes() for file in home.folder.glob(f"{FILE}*")}
            opened.database.close()
            for name, content in copy.items():  # as after a kill: the write-ahead log remains
                (home.folder / name).write_bytes(content)
        else:
            opened.database.close()
        home.damage(action)
        if action == "full disk":
            with full_disk(), suppress(StorageError):
                home.start().database.close()
        opened = home.start()
        home.check(opened)
    opened.database.close()


def test_foreign_files_are_left_in_place(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.damage("foreign files")
    before = sorted(path for path in home.folder.rglob("*"))

    opened = home.start()
    opened.database.close()

    assert [path for path in before if not path.exists()] == []
    assert len(opened.ignored) == 2


def test_a_damaged_database_is_moved_and_rebuilt(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    opened = home.start()
    home.work(opened)
    opened.database.close()
    home.damage("damaged database")

    opened = home.start()

    assert opened.damaged is not None
    assert (opened.damaged / FILE).read_bytes() == b"damaged" * 999
    home.check(opened)
    states = sorted(job.state for job in opened.store.list_jobs(None, (), limit=9))
    assert states == ["cancelled", "finished"], "the interrupted job can be resumed, the deleted one does not return"
    opened.database.close()


def test_a_deletion_interrupted_by_a_crash_is_completed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    opened = home.start()
    id = str(uuid4())
    paint(opened, id)
    opened.store.folder(id).rename(opened.store.folder(f".deleted-{id}"))
    opened.database.close()

    opened = home.start()

    with pytest.raises(JobNotFound):
        opened.store.get(id)
    assert list((home.folder / "jobs").iterdir()) == []
    opened.database.close()


def test_restored_jobs_without_an_owner_get_the_given_one(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    opened = home.start()
    id = str(uuid4())
    paint(opened, id)
    (opened.store.folder(id) / "job.json").unlink()
    opened.database.close()
    home.damage("missing database")

    opened = open_jobs(home.folder, owner="anna")

    assert (opened.restored, opened.store.get(id).owner) == ((id,), "anna")
    opened.database.close()


def test_a_stored_request_of_another_version_fails_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    opened = home.start()
    old, good = str(uuid4()), str(uuid4())
    paint(opened, old)
    paint(opened, good)
    values = json.dumps({"prompts": ["雪"], "removed_field": 1, "batch_size": 1, "n_batches": 1})
    opened.database.transaction(lambda rows: rows.execute("UPDATE jobs SET request = ? WHERE id = ?", (values, old)))

    jobs = opened.store.list_jobs(None, (), limit=9)

    assert [job.id for job in jobs] == [good, old]
    assert jobs[1].values["removed_field"] == 1
    assert len(jobs[1].pictures) == 1
    opened.store.restore([])
    failure = Failure("request", Text("画", "p"))
    opened.store.finish(old, "failed", progress=Progress(), failure=failure)
    opened.database.close()


def test_a_backup_restores_everything(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    opened = home.start()
    home.work(opened)

    assert back_up(home.folder, tmp_path / "backup") == 2
    opened.database.close()
    with pytest.raises(StorageError):
        back_up(home.folder, tmp_path / "backup")
    with pytest.raises(StorageError, match="nothing"):
        back_up(tmp_path / "empty", tmp_path / "other")

    home.folder = tmp_path / "backup"
    restored = home.start()
    home.check(restored)
    restored.database.close()
