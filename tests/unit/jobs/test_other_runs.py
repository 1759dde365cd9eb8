"""Runs of the command line as jobs."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image

from danqing.errors import JobConflict, JobNotFound
from danqing.jobs.job_filter import JobFilter
from danqing.jobs.other_runs import OtherRuns
from danqing.results import run_layout
from danqing.settings import Settings, read_settings
from danqing.storage.lock import Lock
from tests.unit.jobs.requests import quick


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(read_settings(), home=tmp_path)


def add_run(settings: Settings, name: str, *, finished: bool = True, **fields: object) -> Path:
    """Write the files of a run with one picture and register it."""
    folder = settings.home / "pictures" / name
    folder.mkdir(parents=True)
    values = quick(**fields).model_dump(mode="json")
    (folder / run_layout.REQUEST).write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    Image.new("RGB", (8, 8)).save(folder / run_layout.picture_file(0))
    if finished:
        (folder / run_layout.RESULT).write_text("{}", "utf-8")
    with settings.runs_file.open("a", encoding="utf-8") as stream:
        stream.write(f"{folder}\n")
    return folder


def test_registered_runs_are_listed_with_their_state(settings: Settings) -> None:
    add_run(settings, "a", prompts="远山")
    unfinished = add_run(settings, "b", finished=False, prompts="孤舟")
    with settings.runs_file.open("a", encoding="utf-8") as stream:
        stream.write("/does/not/exist\n\n")
    runs = OtherRuns(settings)
    found = {str(job.values["prompts"]): job.state for job in runs.jobs(limit=9)}
    assert found == {"['远山']": "finished", "['孤舟']": "cancelled"}
    assert [job.folder for job in runs.jobs(limit=9, matching=JobFilter(words=("孤",)))] == [unfinished]
    assert len(runs.jobs(limit=1)) == 1
    assert all(job.is_run and job.is_ended and len(job.pictures) == 1 for job in runs.jobs(limit=9))


def test_a_run_that_is_painted_cannot_be_deleted(settings: Settings) -> None:
    folder = add_run(settings, "a", finished=False)
    runs = OtherRuns(settings)
    id = runs.jobs(limit=1)[0].id
    lock = Lock(folder / run_layout.LOCK)
    assert lock.acquire()
    assert runs.get(id).state == "painting"
    with pytest.raises(JobConflict):
        runs.delete(id)
    lock.release()
    assert runs.get(id).state == "cancelled"
    runs.delete(id)
    assert not folder.exists()
    with pytest.raises(JobNotFound):
        runs.get(id)
    assert runs.jobs(limit=9) == ()


def test_the_init_image_is_a_data_uri(settings: Settings) -> None:
    folder = settings.home / "pictures" / "a"
    add_run(settings, "a", init_image=str(folder / "init.png"))
    Image.new("RGB", (4, 4), "teal").save(folder / "init.png")
    runs = OtherRuns(settings)
    uri = runs.get(runs.jobs(limit=1)[0].id).init_image or ""
    assert base64.b64decode(uri.partition(",")[2]) == (folder / "init.png").read_bytes()
