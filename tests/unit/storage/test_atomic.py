"""Atomic writes, and errors of the file system as messages with advice."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from danqing.errors import StorageError
from danqing.storage import atomic
from danqing.storage.atomic import (
    atomic_path,
    check_disk_space,
    link_or_copy,
    storage_errors,
    write_bytes,
    write_text,
)


def test_a_file_is_replaced(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "丹青\n")
    write_bytes(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_others_can_read_the_file(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_the_old_file_survives_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: int) -> None:
        raise error

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr("danqing.storage.atomic.os.fsync", fail)

    with pytest.raises((StorageError, KeyboardInterrupt)):
        write_bytes(tmp_path / "a", b"new")

    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"old")]


@pytest.mark.parametrize(
    ("number", "zh", "en"),
    [
        (errno.ENOSPC, "磁盘已满", "The disk is full"),
        (errno.EDQUOT, "磁盘已满", "The disk is full"),
        (errno.EACCES, "没有权限", "No permission"),
        (errno.EROFS, "没有权限", "No permission"),
        (errno.EIO, "无法写入", "Cannot write"),
    ],
)
def test_errors_contain_the_folder_and_advice(number: int, zh: str, en: str) -> None:
    with pytest.raises(StorageError) as caught, storage_errors(Path("/somewhere")):
        raise OSError(number, os.strerror(number))
    for text, words in ((caught.value.zh, zh), (caught.value.en, en)):
        assert words in text
        assert "/somewhere" in text
        assert "--out" in text


def test_a_path_appears_when_the_block_ends(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a") as temporary:
        temporary.write_bytes(b"new")
        assert not (tmp_path / "a").exists()
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"new")]

    with suppress(ValueError), atomic_path(tmp_path / "a") as temporary:
        temporary.write_bytes(b"half")
        raise ValueError
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"new")]


def test_a_file_system_without_fsync_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EINVAL, "not supported")

    monkeypatch.setattr("danqing.storage.atomic.os.fsync", fail)
    atomic._warn_no_fsync.cache_clear()  # pyright: ignore[reportPrivateUsage]
    for name in ("a", "b"):
        write_bytes(tmp_path / name, b"content")
        assert (tmp_path / name).read_bytes() == b"content"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_names_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    name = "雪" * 85  # 255 bytes
    write_text(tmp_path / name, "a")
    assert (tmp_path / name).read_text("utf-8") == "a"


def test_files_are_linked_or_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").write_bytes(b"old")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")

    def fail(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr("danqing.storage.atomic.os.link", fail)
    link_or_copy(tmp_path / "a", tmp_path / "c")
    assert not (tmp_path / "c").samefile(tmp_path / "a")
    assert (tmp_path / "c").read_bytes() == b"content"


def test_too_little_disk_space_is_an_error(tmp_path: Path) -> None:
    check_disk_space(tmp_path / "new" / "folder", 1)
    with pytest.raises(StorageError, match=r"needs 1000000000\.00 GB"):
        check_disk_space(tmp_path / "new", 10**18)
