"""Runs found by name and listed, and folders that hold no run."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from danqing.errors import RunNotFound
from danqing.results.run_writer import Run, find_run, list_runs
from danqing.settings import read_settings
from tests.unit.results.runs import small_request, write


def test_runs_are_listed_newest_first_and_found_by_many_names(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path / "home")
    older = write(tmp_path / "a", small_request(), runs_file=settings.runs_file)
    newer = write(tmp_path / "b", small_request(seed=8), runs_file=settings.runs_file)
    settings.runs_file.write_text(settings.runs_file.read_text("utf-8") + f"{tmp_path / 'gone'}\n", "utf-8")

    assert [run.folder for run in list_runs(settings)] == [newer.folder, older.folder]
    for name in (older.name, str(older.folder), str(older.folder / "000.png"), str(older.folder / "000.gif")):
        assert find_run(name, settings) == older
    assert find_run("last", settings) == newer
    with pytest.raises(RunNotFound, match="danqing runs list"):
        find_run("nowhere", settings)
    with pytest.raises(RunNotFound, match="More than one"):
        find_run(older.name[:4], settings)


@pytest.mark.parametrize("content", [None, "", "- 1", "prompts: [", "nonsense: 1", "prompts: ''"])
def test_folders_that_hold_no_run(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "request.yaml").write_text(content, "utf-8")

    with pytest.raises(RunNotFound):
        Run.open(tmp_path)


def test_damaged_lines_of_the_list_of_runs_are_skipped(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path / "home")
    settings.runs_file.parent.mkdir()
    settings.runs_file.write_bytes(b"\xff\xfe\0\0\n" + b"a" * 5000 + b"\n\n/torn")

    run = write(tmp_path / "out", small_request(), runs_file=settings.runs_file)

    assert list_runs(settings) == (run,)
    assert find_run("last", settings) == run
    settings.runs_file.unlink()
    settings.runs_file.mkdir()
    assert list_runs(settings) == ()


def test_a_folder_with_a_name_of_another_encoding(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path / "home")
    run = write(tmp_path / os.fsdecode("雪".encode("gbk")), small_request(), runs_file=settings.runs_file)
    renamed = run.folder.rename(run.folder.parent / os.fsdecode("雪山".encode("gbk")))
    settings.runs_file.write_bytes(os.fsencode(renamed) + b"\n")

    (listed,) = list_runs(settings)
    listed.name.encode("utf-8")
    assert listed.folder == renamed


def test_a_file_outside_of_runs_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "copy.jpg").write_bytes(b"")
    with pytest.raises(RunNotFound, match="not in the folder of a run"):
        find_run(str(tmp_path / "copy.jpg"), read_settings())


def test_the_artwork_comes_back_from_disk(tmp_path: Path) -> None:
    run = write(tmp_path, small_request(n_batches=2, batch_size=2))

    artwork = run.artwork()

    assert [picture.seed for picture in artwork] == [7, 8, 9, 10]
    assert [preview.step for preview in artwork[3].previews] == [0, 2, 4, 5]
    assert [preview.last for preview in artwork[3].previews] == [False, False, False, True]
    assert artwork[2].image.getpixel((0, 0)) == (9, 100, 90)
    assert artwork.folder == run.folder
    assert run.pictures == tuple(run.folder / f"00{n}.png" for n in range(4))
