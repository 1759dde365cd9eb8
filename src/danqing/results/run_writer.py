"""Records a run on disk while it is painted; an interruption at any moment loses no finished picture."""

import errno
import json
import os
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from PIL.Image import Image

import danqing
from danqing.errors import MissingExtra, RunLocked, RunNotFound, StorageError
from danqing.events import Completed, Event, Previewed, Started, Stepped
from danqing.inputs.image_file import display_name, read_header, read_image_bytes
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.animation import contact_sheet, has_mp4, save_gif, save_mp4, save_png, save_webp
from danqing.results.artwork import Picture
from danqing.results.checkpoint_file import to_bytes
from danqing.results.run import Run, find_run, list_runs, load_image
from danqing.settings import read_settings
from danqing.storage.atomic import remove_temp_files, storage_errors, write_bytes, write_text
from danqing.storage.lock import Lock
from danqing.types import Checkpoint

__all__ = ["Run", "RunWriter", "find_run", "list_runs"]

CHECKPOINT_SECONDS = 10.0
"""Time between two checkpoints that survive a power cut; each waits for the disk."""
CHECKPOINT_OVERHEAD = 0.02
"""Largest share of the time spent on the checkpoints between those, which survive a crash of the program but not a power cut."""

_ANIMATIONS = {"gif": save_gif, "webp": save_webp, "mp4": save_mp4}


class RunWriter:
    """Records the events of one run in its folder. Use it as a context manager, or call `close` at the end.

    Args:
        run: the run.
        runs_file: the list to which the run is added once it has started; None adds it to no list.
    Raises:
        RunLocked: another program is writing to the folder.
    """

    def __init__(self, run: Run, *, runs_file: Path | None = None) -> None:
        self.run = run
        self._runs_file = runs_file
        self._lock = _lock_run(run.folder)
        try:
            self._log = (run.folder / run_layout.EVENTS).open("ab", buffering=0)
        except BaseException:
            self._lock.release(remove=True)
            raise
        self._done = {event.picture for event in run.events() if isinstance(event, Completed)}
        self._checkpoint: Checkpoint | None = None
        self._durable_at = self._fast_at = time.monotonic()
        self._cost = 0.0  # seconds that a checkpoint takes

    @classmethod
    def create(cls, root: Path, request: Request, *, model: str, runs_file: Path | None = None) -> "RunWriter":
        """Create a run in a new folder.

        Args:
            root: the folder for runs; created if needed.
            request: complete, as returned by `Pipeline.resolve`. Its initial image is copied into the folder.
            model: name of the model.
            runs_file: the list to which the run is added; None for the one in DANQING_HOME.
        Raises:
            InvalidRequest: the initial image cannot be read.
            MissingExtra: an MP4 is requested and PyAV is not installed.
            StorageError: the folder cannot be created or written.
        """
        _require_video_library(request)
        complete = request.with_changes(model=model)
        init_image = _read_init_image(complete)
        folder = _make_folder(root, run_layout.folder_name(complete, now=datetime.now()))
        try:
            complete = _write_request(folder, complete, init_image)
            with storage_errors(folder):
                return cls(Run(folder, complete), runs_file=runs_file or read_settings().runs_file)
        except StorageError:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def open_or_create(cls, folder: Path, request: Request) -> "RunWriter":
        """Resume the run in a folder, or create it there. It is added to no list.

        Args:
            folder: created if needed.
            request: complete, including the model.
        Raises:
            InvalidRequest: the initial image cannot be read.
            MissingExtra: an MP4 is requested and PyAV is not installed.
            RunLocked: another program is writing to the folder.
            StorageError: the folder cannot be created or written.
        """
        with suppress(RunNotFound):
            return cls.resume(folder)
        _require_video_library(request)
        init_image = _read_init_image(request)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            request = _write_request(folder, request, init_image)
            return cls(Run(folder, request))

    @classmethod
    def resume(cls, folder: Path | str) -> "RunWriter":
        """Continue recording an unfinished run. An incomplete last line of its log is removed.

        Raises:
            RunNotFound: the folder contains no run.
            RunLocked: another program is writing to the folder.
            StorageError: it cannot be written.
        """
        run = Run.open(folder)
        with storage_errors(run.folder):
            writer = cls(run)
            writer._log.truncate(run_layout.read_log(run.folder / run_layout.EVENTS)[1])
            remove_temp_files(run.folder)
            return writer

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.run.folder

    @property
    def request(self) -> Request:
        """The complete request."""
        return self.run.request

    @property
    def finished(self) -> bool:
        """True if all pictures of the request are painted."""
        return len(self._done) >= self.request.image_count

    def record(self, event: Event) -> None:
        """Save an event: first its picture, then its line in the log.

        Raises:
            StorageError: the folder cannot be written.
        """
        match event:
            case Previewed(image=Image() as image) if self.request.save:
                self._write_preview(event, image)
            case Completed(image=Image() as image):
                self._write_picture(event, image)
            case _:
                pass
        if isinstance(event, Started) and self._runs_file is not None:
            _register_run(self._runs_file, str(self.folder))
            self._runs_file = None
        with storage_errors(self.folder):
            line = run_layout.to_line(event)
            if self._log.write(line) < len(line):  # the last bytes of a disk
                raise OSError(errno.ENOSPC, "disk full")

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep the newest checkpoint, and write it to disk now and then; see `CHECKPOINT_SECONDS`.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._checkpoint = checkpoint
        now = time.monotonic()
        if now - self._durable_at >= CHECKPOINT_SECONDS:
            self._write_checkpoint()
            self._durable_at = time.monotonic()
        elif now - self._fast_at >= self._cost / CHECKPOINT_OVERHEAD:
            write_bytes(self.folder / run_layout.FAST_CHECKPOINT, to_bytes(checkpoint), fsync=False)
            self._fast_at = time.monotonic()
            # A single slow write, such as the first one, must not delay all following ones.
            self._cost = min(self._fast_at - now, 2 * self._cost + 0.001)

    def close(self) -> None:
        """End recording: save the checkpoint of an unfinished run, or animations, sheet and result of a finished one.

        The folder of a new run that never started is removed.

        Raises:
            StorageError: the folder cannot be written; finished pictures remain.
        """
        if self._log.closed:
            return
        try:
            self._close()
        finally:
            self._lock.release(remove=True)

    def _close(self) -> None:
        with storage_errors(self.folder):
            self._log.close()
        if self._runs_file is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.finished:
            self._finish()
        else:
            self._write_checkpoint()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write_preview(self, event: Previewed, image: Image) -> None:
        file = self.folder / run_layout.preview_file(event.picture, event.step)
        with storage_errors(self.folder):
            file.parent.mkdir(exist_ok=True)
        save_png(image, file, level=1)  # fast: the next step waits for it

    def _write_picture(self, event: Completed, image: Image) -> None:
        request = self.request
        picture = Picture(event.picture, event.seed, image, (), request=request, model=request.model)
        picture.save(self.folder / run_layout.picture_file(event.picture))
        self._done.add(event.picture)

    def _write_checkpoint(self) -> None:
        if self._checkpoint is not None:
            write_bytes(self.folder / run_layout.DURABLE_CHECKPOINT, to_bytes(self._checkpoint))

    def _finish(self) -> None:
        save = self.request.save
        for number in sorted(self._done):
            for kind in (kind for kind in _ANIMATIONS if kind in save):
                _ANIMATIONS[kind](self._frames(number), self.folder / run_layout.picture_file(number, kind))
        if "sheet" in save:
            # A single picture is shown with its previews instead.
            images = [load_image(file) for file in self.run.pictures]
            save_png(contact_sheet(images if len(images) > 1 else self._frames(0)), self.folder / run_layout.SHEET)
        write_text(self.folder / run_layout.RESULT, json.dumps(self._result(), ensure_ascii=False, indent=1) + "\n")
        for name in (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT):
            (self.folder / name).unlink(missing_ok=True)
        if "previews" not in save:
            for number in self._done:
                shutil.rmtree(self.folder / run_layout.previews_folder(number), ignore_errors=True)

    def _frames(self, number: int) -> list[Image]:
        files = sorted((self.folder / run_layout.previews_folder(number)).glob("step-*.png"))
        # The last preview is the finished picture.
        return [load_image(file) for file in [*files[:-1], self.folder / run_layout.picture_file(number)]]

    def _result(self) -> dict[str, object]:
        events = self.run.events()
        done = {event.picture: event for event in events if isinstance(event, Completed)}
        return {
            "version": danqing.__version__,
            "model": self.request.model,
            "device": next((event.device for event in events if isinstance(event, Started)), ""),
            "seconds": round(sum(event.seconds for event in events if isinstance(event, Stepped)), 3),
            "pictures": [
                {"number": n, "seed": event.seed, "file": run_layout.picture_file(n), "nan_steps": event.nan_steps}
                for n, event in sorted(done.items())
            ],
        }


def _require_video_library(request: Request) -> None:
    if "mp4" in request.save and not has_mp4():
        raise MissingExtra(
            "保存 MP4 需要安装：pip install av；也可以改用 --save gif。",
            "Saving MP4 needs an extra library: pip install av; or use --save gif.",
        )


def _read_init_image(request: Request) -> bytes | None:
    """Read the initial image if it is a file or URL: it could change or disappear before the run is resumed."""
    source = request.init_image
    if source is None or source.startswith("data:"):
        return None
    data = read_image_bytes(source, offline=read_settings().offline)
    read_header(data, display_name(source))
    return data


def _write_request(folder: Path, request: Request, init_image: bytes | None) -> Request:
    """Write the request and a copy of its initial image; returns the request with the copy."""
    stored = request
    if init_image is not None:
        suffix = read_header(init_image, run_layout.INIT_IMAGE).media_type.removeprefix("image/")
        copy = folder / f"{run_layout.INIT_IMAGE}.{suffix}"
        write_bytes(copy, init_image)
        stored, request = (request.with_changes(init_image=name) for name in (copy.name, str(copy)))
    values = yaml.safe_dump(stored.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=120)
    write_text(folder / run_layout.REQUEST, f"# danqing {danqing.__version__}\n{values}")
    return request


def _make_folder(root: Path, name: str) -> Path:
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


def _lock_run(folder: Path) -> Lock:
    lock = Lock(folder / run_layout.LOCK)
    if not lock.acquire():
        raise RunLocked(
            f"另一个程序正在作画：{folder.name}。请等待它完成，或先停止它。",
            f"Another program is painting {folder.name}. Wait for it to end, or stop it first.",
        )
    return lock


def _register_run(runs_file: Path, folder: str) -> None:
    # Without a writable home the run is only missing in the list.
    with suppress(OSError):
        runs_file.parent.mkdir(parents=True, exist_ok=True)
        with runs_file.open("ab+") as stream:
            incomplete = False
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                incomplete = stream.read(1) != b"\n"  # a power cut can leave half a line
            stream.write(b"\n" * incomplete + os.fsencode(folder) + b"\n")
