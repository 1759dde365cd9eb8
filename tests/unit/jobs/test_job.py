"""What a job says about itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import ENDED, Job, State
from danqing.request import read_request


def job(tmp_path: Path, **request: object) -> Job:
    complete = read_request({"prompts": "雪", "seed": 7, "model": "danqing_mini", **request})
    return Job("a", "queued", complete, "danqing_mini", "", 1.0, None, None, tmp_path / "a")


@pytest.mark.parametrize("state", ["queued", "painting", "finished", "failed", "cancelled"])
def test_a_job_is_over_when_nothing_more_happens_by_itself(tmp_path: Path, state: State) -> None:
    assert replace(job(tmp_path), state=state).over is (state in ENDED)


def test_the_share_counts_batches_and_steps(tmp_path: Path) -> None:
    waiting = job(tmp_path, n_batches=4, batch_size=2)

    assert waiting.share == 0
    assert replace(waiting, state="painting", picture=2, step=5, steps=10).share == pytest.approx(1.5 / 4)
    assert replace(waiting, state="finished").share == 1


def test_files_are_those_that_are_there(tmp_path: Path) -> None:
    waiting = job(tmp_path, n_batches=2)
    assert (waiting.pictures, waiting.animations, waiting.sheet) == ((), (), None)

    waiting.folder.mkdir()
    for name in ("001.png", "001.gif", "sheet.png"):
        (waiting.folder / name).write_bytes(b"")

    assert [file.name for file in (*waiting.pictures, *waiting.animations)] == ["001.png", "001.gif"]
    assert waiting.sheet == waiting.folder / "sheet.png"
