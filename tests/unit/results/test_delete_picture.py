"""One picture of a run is deleted with everything that belongs to it; the others stay."""

import json
from pathlib import Path

import danqing
from danqing.results.delete_picture import delete_picture_files
from danqing.results.run import Run


def test_a_picture_is_deleted_with_all_its_files(tmp_path: Path) -> None:
    work = danqing.create(
        "雪山", size=(64, 64), steps=2, sketches="1", recurrence="1", n_batches=2, seed=1, out=tmp_path,
        save=("previews", "gif", "sheet"),
    )  # fmt: skip
    assert work.folder is not None
    others = {file.name: file.read_bytes() for file in work.folder.glob("001*") if file.is_file()}
    delete_picture_files(work.folder, 0)
    run = Run.open(work.folder)
    assert [file.name for file in run.pictures] == ["001.png"]
    assert [file.name for file in run.animations] == ["001.gif"]
    assert not (work.folder / "000").exists()
    assert not (work.folder / "sheet.png").exists()
    assert {name: (work.folder / name).read_bytes() for name in others} == others
    assert [entry["number"] for entry in json.loads((work.folder / "result.json").read_text("utf-8"))["pictures"]] == [
        1
    ]
    assert [picture.seed for picture in run.artwork()] == [2]
