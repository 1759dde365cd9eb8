"""Creates and locks the folder of a run, and adds it to the list of runs."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import yaml

import danqing
from danqing.errors import MissingExtra, RunLocked
from danqing.provenance.content_credentials import check_certificate
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.animation import has_mp4
from danqing.results.checkpoint_file import to_bytes
from danqing.results.stored_pictures import write_pictures
from danqing.settings import read_settings
from danqing.storage.atomic import storage_errors, write_bytes, write_text
from danqing.storage.lock import Lock
from danqing.types import Checkpoint


def require_libraries(request: Request) -> None:
    """Check, before anything is painted, that the results can be saved.

    Raises:
        MissingExtra: an MP4 is requested and PyAV is not installed, or a signature and c2pa-python is not.
    """
    check_certificate(read_settings())
    if "mp4" in request.save and not has_mp4():
        raise MissingExtra(
            "保存 MP4 需要安装：pip install av；也可以改用 --save gif。",
            "Saving MP4 needs an extra library: pip install av; or use --save gif.",
        )


def write_request(folder: Path, request: Request, pictures: Mapping[str, bytes]) -> Request:
    """Write the request and copies of its pictures; returns the request with the copies."""
    stored, request = write_pictures(folder, request, pictures)
    values = yaml.safe_dump(stored.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=120)
    write_text(folder / run_layout.REQUEST, f"# danqing {danqing.__version__}\n{values}")
    return request


def write_start(folder: Path, start: Checkpoint | None) -> None:
    """Write the state in which a branch begins, as the first checkpoint."""
    if start is not None:
        write_bytes(folder / run_layout.DURABLE_CHECKPOINT, to_bytes(start))


def make_folder(root: Path, name: str) -> Path:
    """Create a folder of that name; a number is appended if the name is taken."""
    root = root.expanduser().absolute()
    with storage_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = root / (name if attempt == 1 else f"{name}-{attempt}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise FileExistsError(f"{root / name}")


def lock_run(folder: Path) -> Lock:
    """Lock the folder of a run.

    Raises:
        RunLocked: another program is writing to it.
    """
    lock = Lock(folder / run_layout.LOCK)
    if not lock.acquire():
        raise RunLocked(
            f"另一个程序正在作画：{folder.name}。请等待它完成，或先停止它。",
            f"Another program is painting {folder.name}. Wait for it to end, or stop it first.",
        )
    return lock


def register_run(runs_file: Path, folder: str) -> None:
    """Append a folder to the list of runs. If the list cannot be written, the run is only missing in it."""
    with suppress(OSError):
        runs_file.parent.mkdir(parents=True, exist_ok=True)
        with runs_file.open("ab+") as stream:
            incomplete = False
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                incomplete = stream.read(1) != b"\n"  # a power cut can leave half a line
            stream.write(b"\n" * incomplete + os.fsencode(folder) + b"\n")
