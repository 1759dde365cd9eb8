"""The last files of a finished run."""

import json
from pathlib import Path

from PIL import Image

from tests.unit.results.runs import names, small_request, write


def test_a_finished_run_holds_everything(tmp_path: Path) -> None:
    run = write(tmp_path / "out", small_request())

    assert names(run.folder) == {
        "request.yaml", "events.jsonl", "000.png", "000.gif", "sheet.png", "result.json",
        "000/step-0000.png", "000/step-0002.png", "000/step-0004.png", "000/step-0005.png",
    }  # fmt: skip
    assert run.state == "finished"
    assert run.checkpoint() is None
    result = json.loads((run.folder / "result.json").read_text("utf-8"))
    assert result["pictures"] == [{"number": 0, "seed": 7, "file": "000.png", "nan_steps": 0}]
    assert result["seconds"] == 3.0
    assert result["device"] == "cpu"


def test_animations_of_every_kind_and_no_previews(tmp_path: Path) -> None:
    run = write(tmp_path, small_request(save=["gif", "webp", "mp4"]))

    assert names(run.folder) == {
        "request.yaml",
        "events.jsonl",
        "000.png",
        "000.gif",
        "000.webp",
        "000.mp4",
        "result.json",
    }
    with Image.open(run.folder / "000.gif") as gif, Image.open(run.folder / "000.webp") as webp:
        assert (getattr(gif, "n_frames", 0), getattr(webp, "n_frames", 0)) == (4, 4)


def test_only_the_picture_is_saved_if_nothing_else_is_requested(tmp_path: Path) -> None:
    run = write(tmp_path, small_request(save=[]))

    assert names(run.folder) == {"request.yaml", "events.jsonl", "000.png", "result.json"}
    assert run.artwork()[0].previews == ()
