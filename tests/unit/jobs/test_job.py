"""Derived values of a job."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import ENDED, Job, State
from danqing.request import read_request


def job(tmp_path: Path, **request: object) -> Job:
    complete = read_request({"prompts": "雪", "seed": 7, "model": "danqing_mini", **request})
    return Job("a", "queued", complete.model_dump(mode="json"), "danqing_mini", "", 1.0, None, None, tmp_path / "a")


@pytest.mark.parametrize("state", ["queued", "painting", "finished", "failed", "cancelled"])
def test_finished_failed_and_cancelled_jobs_are_ended(tmp_path: Path, state: State) -> None:
    assert replace(job(tmp_path), state=state).is_ended is (state in ENDED)


def test_progress_counts_batches_and_steps(tmp_path: Path) -> None:
    waiting = job(tmp_path, n_batches=4, batch_size=2)

    assert waiting.progress == 0
    assert replace(waiting, state="painting", picture=2, step=5, steps=10).progress == pytest.approx(1.5 / 4)
    assert replace(waiting, state="finished").progress == 1


def test_only_existing_files_are_listed(tmp_path: Path) -> None:
    waiting = job(tmp_path, n_batches=2)
    assert (waiting.pictures, waiting.animations, waiting.sheet) == ((), (), None)

    waiting.folder.mkdir()
    for name in ("001.png", "001.gif", "sheet.png"):
        (waiting.folder / name).write_bytes(b"")

    assert [file.name for file in (*waiting.pictures, *waiting.animations)] == ["001.png", "001.gif"]
    assert waiting.sheet == waiting.folder / "sheet.png"
