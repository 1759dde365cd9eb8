"""The same file in two places: once on the disk where the file system can, else copied; whole or absent."""

import os
import shutil
from pathlib import Path


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
