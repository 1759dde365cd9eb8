"""Files that are whole or absent, and the operating system's complaints in words that help."""

import errno
import os
from pathlib import Path

import pytest

from danqing.errors import StorageError
from danqing.storage.atomic import storage_errors, write_bytes, write_text


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "丹青\n")
    write_bytes(tmp_path / "a.txt", b"new")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_others_may_read_it(tmp_path: Path) -> None:
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
def test_every_complaint_names_folder_and_remedy(number: int, zh: str, en: str) -> None:
    with pytest.raises(StorageError) as caught, storage_errors(Path("/somewhere")):
        raise OSError(number, os.strerror(number))
    for text, words in ((caught.value.zh, zh), (caught.value.en, en)):
        assert words in text
        assert "/somewhere" in text
        assert "--out" in text
