"""Copies of folders that are kept up to date by their changes."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danqing.jobs.folder_changes import FolderWatch, apply_changes
from danqing.results.run_layout import EVENTS, LOCK

NAMES = (EVENTS, "000.png", "000/step-0001.png", "latest.safetensors")


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(("append", "replace", "delete")), st.binary(max_size=20)),
        max_size=12,
    )
)
def test_the_copy_equals_the_folder_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, bytes]]
) -> None:
    folder, copy = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    watch = FolderWatch(folder)
    for number, (name, kind, data) in enumerate(changes):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        if kind == "append" or (kind == "replace" and name == EVENTS):  # the event log only grows
            with file.open("ab") as stream:
                stream.write(data)
        elif kind == "replace":
            file.write_bytes(data)
        elif name != EVENTS:
            file.unlink(missing_ok=True)
        if file.exists():
            os.utime(file, ns=(number, number))
        apply_changes(copy, watch.changes())
        assert content(copy) == content(folder)


def test_locks_and_unfinished_files_are_not_copied(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    for name in (LOCK, ".0a1b.part", "000.png"):
        (folder / name).write_bytes(b"x")
    assert set(FolderWatch(folder).changes().changed) == {"000.png"}


def test_only_new_lines_of_the_event_log_are_sent(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    (tmp_path / EVENTS).write_bytes(b"one\n")
    watch.changes()
    with (tmp_path / EVENTS).open("ab") as stream:
        stream.write(b"two\n")
    change = watch.changes().changed[EVENTS]
    assert (change.offset, change.content) == (4, b"two\n")
    (tmp_path / EVENTS).write_bytes(b"1\n")
    assert watch.changes().changed[EVENTS].offset == 0
