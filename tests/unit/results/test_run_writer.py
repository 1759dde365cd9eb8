"""Recording of runs: interrupted runs, checkpoints, full disks, and locks."""

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from danqing.errors import RunLocked, StorageError
from danqing.events import Failed, Started
from danqing.results import run_writer
from danqing.results.checkpoint_file import to_bytes
from danqing.results.run_writer import Run, RunWriter, list_runs
from danqing.settings import read_settings
from tests.unit.results.runs import MODEL, checkpoint, names, paint, record_all, small_request, write


def test_the_log_names_files_instead_of_pictures(tmp_path: Path) -> None:
    run = write(tmp_path, small_request())

    lines = [json.loads(line) for line in (run.folder / "events.jsonl").read_text("utf-8").splitlines()]

    assert next(line["file"] for line in lines if line["type"] == "previewed") == "000/step-0000.png"
    assert all(line["image"] is None for line in lines if "image" in line)
    assert isinstance(run.events()[0], Started)
    assert len(run.events()) == len(lines)


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


def test_a_locked_run_is_reported_as_such(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, small_request(), model=MODEL) as writer, pytest.raises(RunLocked):
        RunWriter.open_or_create(writer.folder, small_request())
