"""Writing a run to disk while it happens, so that a stop at any moment loses nothing that was finished."""

import errno
import json
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import yaml
from PIL.Image import Image

import danqing
from danqing.errors import MissingExtra, RunNotFound, StorageError
from danqing.events import Completed, Event, Previewed, Started, Stepped
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.animation import contact_sheet, has_mp4, save_gif, save_mp4, save_png, save_webp
from danqing.results.artwork import Picture
from danqing.results.checkpoint_file import to_bytes
from danqing.results.run import Run, find_run, list_runs, load_image
from danqing.settings import read_settings
from danqing.storage.atomic import storage_errors, remove_temp_files, write_bytes, write_text
from danqing.types import Checkpoint

__all__ = ["Run", "RunWriter", "find_run", "list_runs"]

CHECKPOINT_SECONDS = 10.0
"""How often a running run writes a checkpoint that outlives a power cut, which costs a wait for the disk."""
CHECKPOINT_OVERHEAD = 0.02
"""Share of the time that may go into the checkpoints between those: they outlive the death of the program, and keep what is to
be painted again small, whether a step takes milliseconds or minutes."""

_ANIMATIONS = {"gif": save_gif, "webp": save_webp, "mp4": save_mp4}


class RunWriter:
    """Records the events of one run in its folder. Use it as a context manager, or call `close` at the end."""

    def __init__(self, run: Run, *, new_in: Path | None = None) -> None:
        self.run = run
        self._runs_file = new_in  # the list that this run is to be added to once it has started
        self._log = (run.folder / run_layout.EVENTS).open("ab", buffering=0)
        _hold(self._log, run.folder)
        self._done = {event.picture for event in run.events() if isinstance(event, Completed)}
        self._checkpoint: Checkpoint | None = None
        self._lasting_at = self._kept_at = time.monotonic()
        self._cost = 0.0  # seconds that a checkpoint takes

    @classmethod
    def create(cls, root: Path, request: Request, *, model: str, runs_file: Path | None = None) -> "RunWriter":
        """Start a new run in a folder of its own.

        Args:
            root: the folder that holds the runs; made if need be.
            request: complete, as `Pipeline.resolve` gives it.
            model: name of the model that paints.
            runs_file: the list that the run is added to; None takes the one of the user's home.
        Raises:
            MissingExtra: a film is wanted and PyAV is not installed.
            StorageError: the folder cannot be made or written.
        """
        _check_films(request)
        complete = request.with_changes(model=model)
        folder = _make_folder(root, run_layout.folder_name(complete, now=datetime.now()))
        try:
            _write_request(folder, complete)
            with storage_errors(folder):
                return cls(Run(folder, complete), new_in=runs_file or read_settings().runs_file)
        except StorageError:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def open_or_create(cls, folder: Path, request: Request) -> "RunWriter":
        """Start the run of a folder whose name is settled, or go on with it. It is added to no list.

        Args:
            folder: made if need be.
            request: complete, its model included.
        Raises:
            MissingExtra: a film is wanted and PyAV is not installed.
            StorageError: the folder cannot be made or written, or another program is painting there.
        """
        with suppress(RunNotFound):
            return cls.resume(folder)
        _check_films(request)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _write_request(folder, request)
            return cls(Run(folder, request))

    @classmethod
    def resume(cls, folder: Path | str) -> "RunWriter":
        """Go on recording an unfinished run; a torn end of its log is cut off.

        Raises:
            RunNotFound: the folder holds no run.
            StorageError: it cannot be written, or another program is painting there.
        """
        run = Run.open(folder)
        with storage_errors(run.folder):
            writer = cls(run)
            writer._log.truncate(run_layout.read_log(run.folder / run_layout.EVENTS)[1])
            remove_temp_files(run.folder)
            return writer

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.folder

    @property
    def request(self) -> Request:
        """The complete request."""
        return self.run.request

    @property
    def finished(self) -> bool:
        """Whether every picture of the request is painted."""
        return len(self._done) >= self.request.image_count

    def record(self, event: Event) -> None:
        """Store an event: its picture first, then the line that says it is there.

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
        """Remember where the run stands, and write it down as often as costs little.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._checkpoint = checkpoint
        now = time.monotonic()
        if now - self._lasting_at >= CHECKPOINT_SECONDS:
            self._write_checkpoint()
            self._lasting_at = time.monotonic()
        elif now - self._kept_at >= self._cost / CHECKPOINT_OVERHEAD:
            write_bytes(self.folder / run_layout.FAST_CHECKPOINT, to_bytes(checkpoint), fsync=False)
            self._kept_at = time.monotonic()
            # One slow write, the first for instance, must not put off all that follow.
            self._cost = min(self._kept_at - now, 2 * self._cost + 0.001)

    def close(self) -> None:
        """End recording: an unfinished run keeps its checkpoint, a finished one gets animations, sheet and result.

        A new run that never started leaves no folder.

        Raises:
            StorageError: the folder cannot be written; the pictures that are there stay.
        """
        if self._log.closed:
            return
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
        save_png(image, file, level=1)  # the painting waits for it

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
            # Of several pictures the sheet shows all; of a single one, how it came about.
            several = [load_image(file) for file in self.run.pictures]
            save_png(contact_sheet(several if len(several) > 1 else self._frames(0)), self.folder / run_layout.SHEET)
        write_text(self.folder / run_layout.RESULT, json.dumps(self._result(), ensure_ascii=False, indent=1) + "\n")
        for name in (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT):
            (self.folder / name).unlink(missing_ok=True)
        if "previews" not in save:
            for number in self._done:
                shutil.rmtree(self.folder / run_layout.previews_folder(number), ignore_errors=True)

    def _frames(self, number: int) -> list[Image]:
        files = sorted((self.folder / run_layout.previews_folder(number)).glob("step-*.png"))
        # The last preview is the picture itself.
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


def _check_films(request: Request) -> None:
    if "mp4" in request.save and not has_mp4():
        raise MissingExtra(
            '存 MP4 要先安装：pip install "danqing[video]"；或改用 --save gif。',
            'Saving MP4 needs an extra library: pip install "danqing[video]"; or use --save gif.',
        )


def _write_request(folder: Path, request: Request) -> None:
    values = yaml.safe_dump(request.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=120)
    write_text(folder / run_layout.REQUEST, f"# danqing {danqing.__version__}\n{values}")


def _make_folder(root: Path, name: str) -> Path:
    """A new folder of that name, or of that name and a number where it is taken."""
    root = root.expanduser().absolute()
    with storage_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            folder = root / (name if attempt == 1 else f"{name}-{attempt}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise FileExistsError(f"{root / name}")


def _hold(log: IO[bytes], folder: Path) -> None:
    """Keep other programs from recording the same run; the system lets go when this one ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        log.close()
        raise StorageError(
            f"{folder.name} 正由另一个程序画着。请等它画完，或先停下它。",
            f"Another program is painting {folder.name}. Wait for it to end, or stop it first.",
        ) from error


def _register_run(file: Path, line: str) -> None:
    # A home that cannot be written costs the run its place in the list, not the picture.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(f"{line}\n")
