"""Run folders: their files, interrupted runs, and the list of runs."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from danqing.errors import InvalidRequest, MissingExtra, RunLocked, RunNotFound, StorageError
from danqing.events import Event, Failed, Started
from danqing.request import Request, read_request
from danqing.results import animation, run_writer
from danqing.results.checkpoint_file import to_bytes
from danqing.results.run_writer import Run, RunWriter, find_run, list_runs
from danqing.settings import read_settings
from tests.unit.results.runs import MODEL, checkpoint, paint, small_request


def write(root: Path, request: Request, *, runs_file: Path | None = None) -> Run:
    with RunWriter.create(root, request, model=MODEL, runs_file=runs_file) as writer:
        for event in paint(request):
            writer.record(event)
            writer.save_checkpoint(checkpoint(0, 1))
    return Run.open(writer.folder)


def record_all(writer: RunWriter, events: Iterable[Event]) -> None:
    for event in events:
        writer.record(event)


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


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


def test_the_log_names_files_instead_of_pictures(tmp_path: Path) -> None:
    run = write(tmp_path, small_request())

    lines = [json.loads(line) for line in (run.folder / "events.jsonl").read_text("utf-8").splitlines()]

    assert next(line["file"] for line in lines if line["type"] == "previewed") == "000/step-0000.png"
    assert all(line["image"] is None for line in lines if "image" in line)
    assert isinstance(run.events()[0], Started)
    assert len(run.events()) == len(lines)


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


def test_mp4_without_the_library_is_refused_before_painting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "find_spec", dict[str, None]().get)

    with pytest.raises(MissingExtra, match=r"danqing\[video\]"):
        RunWriter.create(tmp_path / "out", small_request(save=["mp4"]), model=MODEL)

    assert not (tmp_path / "out").exists()


def test_the_artwork_comes_back_from_disk(tmp_path: Path) -> None:
    run = write(tmp_path, small_request(n_batches=2, batch_size=2))

    artwork = run.artwork()

    assert [picture.seed for picture in artwork] == [7, 8, 9, 10]
    assert [preview.step for preview in artwork[3].previews] == [0, 2, 4, 5]
    assert [preview.last for preview in artwork[3].previews] == [False, False, False, True]
    assert artwork[2].image.getpixel((0, 0)) == (9, 100, 90)
    assert artwork.folder == run.folder
    assert run.pictures == tuple(run.folder / f"00{n}.png" for n in range(4))


def test_a_stopped_run_keeps_its_checkpoint_exactly(tmp_path: Path) -> None:
    request = small_request(n_batches=2)
    with RunWriter.create(tmp_path, request, model=MODEL) as writer:
        for event in islice(paint(request), 14):
            writer.record(event)
        writer.save_checkpoint(checkpoint(1, 4))

    run = Run.open(writer.folder)
    kept, expected = run.checkpoint(), checkpoint(1, 4)

    assert run.state == "unfinished"
    assert kept is not None
    assert (kept.batch, kept.index, len(kept.history)) == (1, 4, 2)
    assert torch.equal(kept.x, expected.x)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(kept.history, expected.history, strict=True))
    assert kept.guidance_grad is not None
    assert expected.guidance_grad is not None
    assert torch.equal(kept.guidance_grad, expected.guidance_grad)
    assert run.pictures == (run.folder / "000.png",)


def test_a_resumed_run_ends_with_the_same_files(tmp_path: Path) -> None:
    request = small_request(n_batches=2)
    whole = write(tmp_path / "whole", request)
    with RunWriter.create(tmp_path / "broken", request, model=MODEL) as writer:
        for event in islice(paint(request), 16):
            writer.record(event)
        writer.record(Failed(reason="interrupted", zh="停", en="stop", batch=1, step=2))
    assert (stopped := Run.open(writer.folder).failure()) is not None
    assert stopped.reason == "interrupted"

    with RunWriter.resume(writer.folder) as again:
        for event in paint(request, batch=1, step=2):
            again.record(event)

    resumed = Run.open(writer.folder)
    assert resumed.state == "finished"
    assert names(resumed.folder) == names(whole.folder)
    for name in names(whole.folder) - {"events.jsonl", "result.json"}:
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


@pytest.mark.parametrize(
    "torn", [b'{"type": "step', b"\0\0\0\0\n", b'{"type": "unheard of"}\n', b"[1]\n", b"\xff\xfe\n"]
)
def test_a_torn_log_is_cut_and_goes_on(tmp_path: Path, torn: bytes) -> None:
    request = small_request()
    with RunWriter.create(tmp_path, request, model=MODEL) as writer:
        for event in islice(paint(request), 3):
            writer.record(event)
    with (writer.folder / "events.jsonl").open("ab") as stream:
        stream.write(torn)

    with RunWriter.resume(writer.folder) as again:
        for event in paint(request):
            again.record(event)

    assert Run.open(writer.folder).state == "finished"
    assert torn not in (writer.folder / "events.jsonl").read_bytes()


def cut(data: bytes) -> bytes:
    return data[:-5]


def empty(data: bytes) -> bytes:
    return data[:0]


def flip_the_last_bit(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("damage", [cut, empty, flip_the_last_bit])
def test_a_damaged_checkpoint_means_from_the_beginning(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with RunWriter.create(tmp_path, small_request(), model=MODEL) as writer:
        writer.record(next(paint(small_request())))
        writer.save_checkpoint(checkpoint(0, 2))
    for file in writer.folder.glob("*.safetensors"):
        file.write_bytes(damage(file.read_bytes()))

    assert Run.open(writer.folder).checkpoint() is None


def test_a_spoilt_latest_checkpoint_leaves_the_lasting_one(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, small_request(), model=MODEL) as writer:
        writer.record(next(paint(small_request())))
        writer.save_checkpoint(checkpoint(0, 3))
    latest = writer.folder / "latest.safetensors"
    latest.write_bytes(to_bytes(checkpoint(0, 2)))
    assert (kept := Run.open(writer.folder).checkpoint()) is not None
    assert kept.index == 2

    latest.write_bytes(b"")

    assert (kept := Run.open(writer.folder).checkpoint()) is not None
    assert kept.index == 3


def test_checkpoints_are_written_as_often_as_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    written: list[tuple[float, str]] = []

    def write(path: Path, data: bytes, *, fsync: bool = True) -> None:
        assert data
        written.append((clock[0], path.name))
        clock[0] += 0.5 if fsync else 0.01

    writer = RunWriter.create(tmp_path, small_request(), model=MODEL)
    monkeypatch.setattr(run_writer.time, "monotonic", lambda: clock[0])
    writer._durable_at = writer._fast_at = 0.0  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(run_writer, "write_bytes", write)

    for clock[0] in (1.0, 1.01, 1.1, 2.0, 3.0, 3.4, 4.0, 9.9, 10.0, 10.6, 20.4, 20.5):
        writer.save_checkpoint(checkpoint(0, 2))

    lasting, latest = "checkpoint.safetensors", "latest.safetensors"
    assert [at for at, name in written if name == lasting] == [10.0, 20.5]
    assert [at for at, name in written if name == latest] == [1.0, 1.1, 2.0, 3.0, 4.0, 9.9, 10.6, 20.4]
    writer.close()


def test_a_run_in_a_folder_of_a_given_name_begins_and_goes_on(tmp_path: Path) -> None:
    request, folder = small_request(), tmp_path / "jobs" / "a"
    events = list(paint(request))
    with RunWriter.open_or_create(folder, request) as writer:
        record_all(writer, events[:3])
    (folder / ".000.png.1a2b.part").write_bytes(b"half")

    with RunWriter.open_or_create(folder, request) as writer:
        record_all(writer, events)

    assert Run.open(folder).state == "finished"
    assert Run.open(folder).request == request
    assert not (folder / ".000.png.1a2b.part").exists()
    assert list_runs(read_settings()) == ()


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = small_request()
    events = list(paint(request))
    writer = RunWriter.create(tmp_path, request, model=MODEL)
    writer.record(events[0])
    before = names(writer.folder)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("danqing.storage.atomic.os.fsync", full)
    with pytest.raises(StorageError) as caught:
        record_all(writer, events[1:])

    assert "磁盘已满" in caught.value.zh
    assert str(writer.folder) in caught.value.en
    assert names(writer.folder) == before
    monkeypatch.undo()
    writer.close()


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


def test_an_unwritable_list_does_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder", "utf-8")

    assert write(tmp_path, small_request(), runs_file=tmp_path / "home" / "runs.txt").state == "finished"


@pytest.mark.parametrize("content", [None, "", "- 1", "prompts: [", "nonsense: 1", "prompts: ''"])
def test_folders_that_hold_no_run(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "request.yaml").write_text(content, "utf-8")

    with pytest.raises(RunNotFound):
        Run.open(tmp_path)


def test_a_run_that_never_started_leaves_nothing(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path / "home")
    writer = RunWriter.create(tmp_path / "out", small_request(), model=MODEL, runs_file=settings.runs_file)
    writer.close()

    assert list((tmp_path / "out").iterdir()) == []
    assert list_runs(settings) == ()


def test_a_run_that_was_killed_at_once_can_still_be_resumed(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "out", small_request(), model=MODEL) as writer:
        left = shutil.copytree(writer.folder, tmp_path / "left")

    RunWriter.resume(left).close()

    assert Run.open(left).state == "unfinished"


def test_a_run_is_recorded_by_one_program_at_a_time(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, small_request(), model=MODEL)
    writer.record(next(paint(small_request())))

    with pytest.raises(StorageError, match="Another program"):
        RunWriter.resume(writer.folder)

    writer.close()
    RunWriter.resume(writer.folder).close()


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, small_request(), model=MODEL)
    writer.record(next(paint(small_request())))
    writer.close()
    writer.close()
    assert names(writer.folder) == {"request.yaml", "events.jsonl"}


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


def test_a_locked_run_is_reported_as_such(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, small_request(), model=MODEL) as writer, pytest.raises(RunLocked):
        RunWriter.open_or_create(writer.folder, small_request())


def test_a_file_outside_of_runs_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "copy.jpg").write_bytes(b"")
    with pytest.raises(RunNotFound, match="not in the folder of a run"):
        find_run(str(tmp_path / "copy.jpg"), read_settings())
