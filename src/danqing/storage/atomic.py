"""Atomic file writes: a file is either complete or absent. Also links, disk space, and errors of the file system."""

import errno
import logging
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from danqing.errors import StorageError
from danqing.i18n import Text, error_reason

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_FSYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

OUTPUT_ADVICE = Text("请用 --out 换一个文件夹。", "Choose another folder with --out.")
"""Advice for errors in a folder that the user chose for the results."""
HOME_ADVICE = Text("请用环境变量 DANQING_HOME 换一个文件夹。", "Choose another folder with the variable DANQING_HOME.")
"""Advice for errors in the folder of models, settings and jobs."""

log = logging.getLogger(__name__)


@contextmanager
def atomic_path(path: Path, *, fsync: bool = True) -> Generator[Path]:
    """Write a file under a temporary name and rename it when the block ends. After an error the old file remains.

    Args:
        path: the file to create or replace.
        fsync: wait until the content is on the disk, which takes milliseconds; without it a power cut can lose the content,
            but a crash of the program cannot.
    Yields:
        A path beside `path`, where the block must create the new file.
    Raises:
        OSError: the file cannot be written.
    """
    temporary = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        yield temporary
        if fsync:
            _fsync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, fsync: bool = True, advice: Text = OUTPUT_ADVICE) -> None:
    """Write a whole file atomically.

    Args:
        path: the file to create or replace.
        data: its content.
        fsync: see `atomic_path`.
        advice: end of the error message.
    Raises:
        StorageError: no permission, the disk is full, or the folder does not exist. The old file remains.
    """
    with storage_errors(path.parent, advice), atomic_path(path, fsync=fsync) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str, *, advice: Text = OUTPUT_ADVICE) -> None:
    """Write a UTF-8 text file atomically; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"), advice=advice)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where the file system has no links. Replaces `target`.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_path(target, fsync=False) as temporary:
        try:
            os.link(source.resolve(), temporary)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(source, temporary)


def remove_temp_files(folder: Path) -> None:
    """Remove the temporary files of killed writers below a folder. No other process may write there meanwhile."""
    for temporary in folder.rglob(".*.part"):
        temporary.unlink(missing_ok=True)


def check_disk_space(folder: Path, needed: int, advice: Text = HOME_ADVICE) -> None:
    """Check that a disk has enough free space.

    Args:
        folder: a folder on the disk; it need not exist yet.
        needed: bytes.
        advice: end of the error message.
    Raises:
        StorageError: less is free; the message contains both sizes.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise StorageError(
            f"磁盘空间不足：{folder} 需要 {needed / 1e9:.2f} GB，剩余 {free / 1e9:.2f} GB。"
            f"请清理磁盘，或{advice.zh.removeprefix('请')}",
            f"Not enough disk space: {folder} needs {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free. "
            f"Free some space. {advice.en}",
        )


@contextmanager
def storage_errors(path: Path, advice: Text = OUTPUT_ADVICE) -> Generator[None]:
    """Convert an OSError of the block into a StorageError.

    Args:
        path: the folder or file that is written; part of the message.
        advice: end of the message.
    Raises:
        StorageError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise write_error(path, error, advice) from error


def write_error(path: Path, error: OSError, advice: Text = OUTPUT_ADVICE) -> StorageError:
    """Return the StorageError for a path that cannot be written; see `storage_errors`."""
    if error.errno in DISK_FULL:
        return StorageError(
            f"磁盘已满，无法写入 {path}。请清理磁盘，或{advice.zh.removeprefix('请')}",
            f"The disk is full: cannot write {path}. Free some space. {advice.en}",
        )
    if error.errno in _DENIED:
        return StorageError(
            f"没有权限写入 {path}。请修改权限，或{advice.zh.removeprefix('请')}",
            f"No permission to write {path}. Change the permissions. {advice.en}",
        )
    reason = error_reason(error)
    return StorageError(f"无法写入 {path}：{reason.zh}。{advice.zh}", f"Cannot write {path}: {reason.en}. {advice.en}")


def _fsync(path: Path) -> None:
    with path.open("rb+") as stream:
        try:
            os.fsync(stream.fileno())
        except OSError as error:
            if error.errno not in _NO_FSYNC:
                raise
            _warn_no_fsync()


@cache
def _warn_no_fsync() -> None:
    log.warning("The file system does not support fsync: a power cut can lose files that were just written.")
