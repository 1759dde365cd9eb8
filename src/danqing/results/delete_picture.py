"""Deletes one picture of a finished run."""

import json
import shutil
from contextlib import suppress
from pathlib import Path

from danqing.results import run_layout
from danqing.storage.atomic import storage_errors, write_text


def delete_picture_files(folder: Path, number: int) -> None:
    """Delete a picture with its animations and previews, the contact sheet that shows it, and its entry in the result.

    Args:
        folder: of a finished run with other pictures.
        number: of the picture, from 0.
    Raises:
        StorageError: the folder cannot be written.
    """
    animations = (run_layout.picture_file(number, kind) for kind in run_layout.ANIMATIONS)
    painted = run_layout.unscaled_file(number), run_layout.unfinished_file(number)
    with storage_errors(folder):
        for name in (run_layout.picture_file(number), *animations, *painted, run_layout.SHEET):
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / run_layout.previews_folder(number), ignore_errors=True)
    result = folder / run_layout.RESULT
    with suppress(FileNotFoundError):
        values = json.loads(result.read_text("utf-8"))
        values["pictures"] = [entry for entry in values["pictures"] if entry["number"] != number]
        write_text(result, json.dumps(values, ensure_ascii=False, indent=1) + "\n")
