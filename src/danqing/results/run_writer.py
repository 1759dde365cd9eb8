"""Records a run on disk while it is painted; an interruption at any moment loses no finished picture."""

import errno
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL.Image import Image

from danqing.errors import RunNotFound, StorageError
from danqing.events import Completed, Event, Previewed, Started, Stepped
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.animation import save_png
from danqing.results.artwork import Picture
from danqing.results.branching import branch_state
from danqing.results.checkpoint_file import to_bytes
from danqing.results.finish_run import finish_run
from danqing.results.run import Run, find_run, list_runs
from danqing.results.run_folder import (
    lock_run,
    make_folder,
    register_run,
    require_libraries,
    write_request,
    write_start,
)
from danqing.results.stored_pictures import read_pictures
from danqing.settings import read_settings
from danqing.storage.atomic import remove_temp_files, storage_errors, write_bytes
from danqing.types import Checkpoint

__all__ = ["Run", "RunWriter", "find_run", "list_runs"]

CHECKPOINT_SECONDS = 10.0
"""Time between two checkpoints that survive a power cut; each waits for the disk."""
CHECKPOINT_OVERHEAD = 0.02
"""Largest share of the time spent on the checkpoints between those, which survive a crash of the program but not a power cut."""


class RunWriter:
    """Records the events of one run in its folder. Use it as a context manager, or call `close` at the end.

    Args:
        run: the run whose folder is written.
        runs_file: the list to which the run is added once it has started; None adds it to no list.
    Raises:
        RunLocked: another program is writing to the folder.
    """

    def __init__(self, run: Run, *, runs_file: Path | None = None) -> None:
        self.run = run
        self._runs_file = runs_file
        self._lock = lock_run(run.folder)
        try:
            self._log = (run.folder / run_layout.EVENTS).open("ab", buffering=0)
        except BaseException:
            self._lock.release(remove=True)
            raise
        self._done = {event.picture for event in run.events() if isinstance(event, Completed)}
        self._checkpoint: Checkpoint | None = None
        self._durable_at = self._fast_at = time.monotonic()
        self._step = 0  # last step of the current batch
        self._cost = 0.0  # seconds that a checkpoint takes

    @classmethod
    def create(cls, root: Path, request: Request, *, model: str, runs_file: Path | None = None) -> "RunWriter":
        """Create a run in a new folder.

        Args:
            root: the folder for runs; created if needed.
            request: complete, as returned by `Pipeline.resolve`. Its pictures are copied into the folder.
            model: name of the model.
            runs_file: the list to which the run is added; None for the one in DANQING_HOME.
        Raises:
            InvalidRequest: a picture of the request cannot be read.
            MissingExtra: an MP4 is requested and PyAV is not installed, or a signature and c2pa-python is not.
            StorageError: the folder cannot be created or written.
        """
        require_libraries(request)
        complete = request.with_changes(model=model)
        pictures = read_pictures(complete, offline=read_settings().offline)
        start = branch_state(complete, near=root.expanduser().absolute()) if complete.branch else None
        folder = make_folder(root, run_layout.folder_name(complete, now=datetime.now()))
        try:
            complete = write_request(folder, complete, pictures)
            write_start(folder, start)
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
            InvalidRequest: a picture of the request cannot be read.
            MissingExtra: an MP4 is requested and PyAV is not installed.
            RunLocked: another program is writing to the folder.
            StorageError: the folder cannot be created or written.
        """
        with suppress(RunNotFound):
            return cls.resume(folder)
        require_libraries(request)
        pictures = read_pictures(request, offline=read_settings().offline)
        start = branch_state(request, near=folder.parent) if request.branch else None
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            request = write_request(folder, request, pictures)
            write_start(folder, start)
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
        if isinstance(event, Previewed) and event.last and isinstance(event.image, Image):
            self._write_painted(event, event.image)
        match event:
            case Previewed(image=Image() as image) if self.request.save:
                self._write_preview(event, image)
            case Completed(image=Image() as image):
                self._write_picture(event, image)
            case _:
                pass
        if isinstance(event, Stepped):
            self._step = event.step
        if isinstance(event, Started) and self._runs_file is not None:
            register_run(self._runs_file, str(self.folder))
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
        if "steps" in self.request.save and checkpoint.index >= 0 and self._step % self.request.display_rate == 0:
            self._write_step(checkpoint)
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
            finish_run(self.run)
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
        own = request.of_picture(event.picture)
        picture = Picture(event.picture, event.seed, image, (), request=own, model=request.model)
        picture.save(self.folder / run_layout.picture_file(event.picture))
        self._done.add(event.picture)

    def _write_painted(self, event: Previewed, image: Image) -> None:
        """Keep the picture as it was painted if it is enlarged or finished afterwards."""
        request = self.request.of_picture(event.picture)
        is_enlarged, is_finished = request.upscale > 1, not request.finish_options().is_empty
        if not is_enlarged and not is_finished:
            return
        unfinished: dict[str, object] = {
            "format": None,
            "inscription": None,
            "signature": None,
            "seal": None,
            "mount": None,
        }
        painted = request.with_changes(size=request.canvas, upscale=1, **(unfinished if is_finished else {}))
        seed = self.request.seed_of(event.picture)
        picture = Picture(event.picture, seed, image, (), request=painted, model=request.model)
        name = run_layout.unscaled_file(event.picture) if is_enlarged else run_layout.unfinished_file(event.picture)
        picture.save(self.folder / name)

    def _write_step(self, checkpoint: Checkpoint) -> None:
        file = self.folder / run_layout.step_file(checkpoint.batch, self._step)
        with storage_errors(self.folder):
            file.parent.mkdir(exist_ok=True)
        write_bytes(file, to_bytes(checkpoint), fsync=False)

    def _write_checkpoint(self) -> None:
        if self._checkpoint is not None:
            write_bytes(self.folder / run_layout.DURABLE_CHECKPOINT, to_bytes(self._checkpoint))
