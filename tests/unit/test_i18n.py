"""Reasons of the operating system in Chinese and English."""

import errno
import os
import socket
import sqlite3
import urllib.error
from pathlib import Path

import pytest

from danqing.errors import DanqingError
from danqing.i18n import error_reason
from danqing.inputs.image_file import read_image_bytes


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.ECONNREFUSED, errno.EADDRINUSE])
def test_a_reason_of_the_system_is_in_one_language(number: int) -> None:
    reason = error_reason(OSError(number, os.strerror(number)))
    assert not any(character.isascii() for character in reason.zh)
    assert reason.en == os.strerror(number)


def test_the_reason_of_a_wrapped_error_is_found() -> None:
    assert error_reason(urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "x"))).zh == "连接被拒绝"
    assert error_reason(urllib.error.URLError(socket.gaierror(-2, "x"))).zh == "找不到主机"
    assert error_reason(TimeoutError("timed out")).zh == "超时"
    outer = RuntimeError("outer")
    outer.__cause__ = FileNotFoundError(errno.ENOENT, "x")
    assert error_reason(outer).zh == "没有这个文件或文件夹"


def test_reasons_of_sqlite_are_translated(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect(tmp_path / "missing" / "a.sqlite3")
    assert error_reason(caught.value).zh == "无法打开文件"


def test_an_unknown_reason_is_quoted() -> None:
    assert error_reason(ValueError("odd")).zh == "odd"


def test_a_missing_init_image_is_reported_in_one_language(tmp_path: Path) -> None:
    with pytest.raises(DanqingError) as caught:
        read_image_bytes(str(tmp_path / "无.png"))
    assert "没有这个文件" in caught.value.zh
    assert "No such file" in caught.value.en
