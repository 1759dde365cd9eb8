"""Files that are whole or absent: written beside their place and moved there in one step."""

import errno
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from danqing.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_bytes(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """Write a file so that nobody ever sees half of it: the old content stays until the new is complete.

    Args:
        path: its place.
        data: its content.
        lasting: wait until it is on the disk, which takes milliseconds; else a power cut may spoil it, a crash of the program not.
    Raises:
        StorageError: no permission, the disk is full, or the folder is not there; nothing is left behind.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with guarded(path.parent):
        try:
            with part.open("xb") as stream:
                stream.write(data)
                if lasting:
                    stream.flush()
                    os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left beside their files. Nobody may be writing there."""
    for part in folder.rglob(".*.part"):
        part.unlink(missing_ok=True)


@contextmanager
def guarded(folder: Path) -> Generator[None]:
    """Turn the operating system's complaints about writing in `folder` into a StorageError that names the remedy."""
    try:
        yield
    except OSError as error:
        raise _explain(folder, error) from error


def _explain(folder: Path, error: OSError) -> StorageError:
    if error.errno in _FULL:
        return StorageError(
            f"磁盘满了，写不进 {folder}。请腾出空间，或用 --out 换一个文件夹。",
            f"The disk is full: cannot write {folder}. Free some space or choose another folder with --out.",
        )
    if error.errno in _DENIED:
        return StorageError(
            f"没有权限写 {folder}。请用 --out 换一个文件夹，或修改它的权限。",
            f"No permission to write {folder}. Choose another folder with --out or change its permissions.",
        )
    reason = error.strerror or str(error)
    return StorageError(
        f"写不进 {folder}：{reason}。请用 --out 换一个文件夹。",
        f"Cannot write {folder}: {reason}. Choose another folder with --out.",
    )


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file at a second place. A file that is there already is replaced.

    Raises:
        OSError: it cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), part)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, part)
    part.replace(target)
