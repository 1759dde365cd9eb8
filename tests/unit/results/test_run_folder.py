"""New run folders: name, request, copies of pictures, and folders that cannot be created."""

import errno
from itertools import islice
from pathlib import Path

import pytest
import yaml
from PIL import Image

from danqing.errors import InvalidRequest, MissingExtra, StorageError
from danqing.request import Request, read_request
from danqing.results import animation
from danqing.results.run_writer import Run, RunWriter
from tests.unit.results.runs import MODEL, paint, record_all, small_request, write


def test_the_name_of_the_folder(tmp_path: Path) -> None:
    request = small_request(prompts="a/b\\c: 雪\n..夜 and more than twelve", batch_name="冬/1")

    first, second = (RunWriter.create(tmp_path, request, model=MODEL) for _ in range(2))

    assert first.folder.name[15:] == "-冬_1-a_b_c_雪_夜-7"
    assert first.folder != second.folder
    assert {first.folder.parent, second.folder.parent} == {tmp_path}
    first.close()
    second.close()


def test_the_request_on_disk_is_complete_and_reads_back(tmp_path: Path) -> None:
    request = small_request(cut_overview="[12]*400+[4]*600", symmetry_at=[0.1, 0.25], style="水墨画")
    run = write(tmp_path, request)

    on_disk = yaml.safe_load((run.folder / "request.yaml").read_text("utf-8"))

    assert set(on_disk) == set(Request.model_fields)
    assert read_request(on_disk) == request == run.request


def test_mp4_without_the_library_is_refused_before_painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "find_spec", dict[str, None]().get)

    with pytest.raises(MissingExtra, match=r"pip install av"):
        RunWriter.create(tmp_path / "out", small_request(save=["mp4"]), model=MODEL)

    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("danqing.storage.atomic.os.fsync", full)
    with pytest.raises(StorageError, match="full"):
        RunWriter.create(tmp_path / "out", small_request(), model=MODEL)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    with pytest.raises(StorageError, match="--out"):
        RunWriter.create(tmp_path / "file" / "out", small_request(), model=MODEL)


def test_an_unwritable_list_does_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder", "utf-8")

    assert write(tmp_path, small_request(), runs_file=tmp_path / "home" / "runs.txt").state == "finished"


@pytest.mark.parametrize("as_uri", [False, True])
def test_the_initial_image_is_copied_into_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_uri: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    image = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8), "red").save(image)
    data = image.read_bytes()
    request = small_request(init_image=image.as_uri() if as_uri else "a.jpg")
    with RunWriter.create(tmp_path / "out", request, model=MODEL) as writer:
        record_all(writer, islice(paint(request), 3))
    image.unlink()
    monkeypatch.chdir("/")

    copy = writer.folder / "init.jpeg"
    assert copy.read_bytes() == data
    assert writer.request.init_image == str(copy)
    assert Run.open(writer.folder).request.init_image == str(copy)
    moved = writer.folder.rename(tmp_path / "moved")
    assert Run.open(moved).request.init_image == str(moved / "init.jpeg")


def test_an_unusable_initial_image_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text", "utf-8")
    for source in ("missing.png", str(tmp_path / "a.png")):
        with pytest.raises(InvalidRequest):
            RunWriter.create(tmp_path / "out", small_request(init_image=source), model=MODEL)
    assert not (tmp_path / "out").exists()
