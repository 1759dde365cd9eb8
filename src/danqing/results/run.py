"""Runs that are on disk: opening one, listing all, finding one by name or by one of its pictures."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from PIL import Image

from danqing.errors import InvalidRequest, RunNotFound
from danqing.events import Completed, Event, Failed, Previewed
from danqing.request import Request, read_request
from danqing.results import run_layout
from danqing.results.artwork import Artwork
from danqing.results.checkpoint_file import most_advanced, read_checkpoint
from danqing.settings import Settings
from danqing.types import Checkpoint


@dataclass(frozen=True, slots=True)
class Run:
    """A run on disk, finished or not."""

    folder: Path
    request: Request
    """Complete: the model and the seed are filled in."""

    @classmethod
    def open(cls, folder: Path | str) -> "Run":
        """The run in a folder.

        Raises:
            RunNotFound: the folder is not there or holds no run.
        """
        place = Path(folder).absolute()
        try:
            values = yaml.safe_load((place / run_layout.REQUEST).read_text("utf-8"))
            return cls(place, read_request(values))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, AttributeError, InvalidRequest) as error:
            raise RunNotFound(f"{folder} 里没有一次作画。", f"There is no run in {folder}.") from error

    @property
    def name(self) -> str:
        """The name of the folder, by which the run is called."""
        return self.folder.name

    @property
    def state(self) -> Literal["finished", "unfinished"]:
        """Whether everything is painted and stored."""
        return "finished" if (self.folder / run_layout.RESULT).exists() else "unfinished"

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files of the finished pictures."""
        files = (self.folder / run_layout.picture_file(number) for number in range(self.request.image_count))
        return tuple(file for file in files if file.exists())

    @property
    def animations(self) -> tuple[Path, ...]:
        """The files that show how the pictures came about."""
        kinds = ("gif", "webp", "mp4")
        files = (self.folder / run_layout.picture_file(n, kind) for n in range(self.request.image_count) for kind in kinds)
        return tuple(file for file in files if file.exists())

    def events(self) -> tuple[Event, ...]:
        """What happened, as far as it was recorded whole; pictures are None."""
        with suppress(FileNotFoundError):
            return run_layout.read_log(self.folder / run_layout.EVENTS)[0]
        return ()

    def failure(self) -> Failed | None:
        """Why the run stopped, if it did."""
        return next((event for event in reversed(self.events()) if isinstance(event, Failed)), None)

    def checkpoint(self) -> Checkpoint | None:
        """Where to go on; None starts from the beginning."""
        return most_advanced(*(read_checkpoint(self.folder / name) for name in (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT)))

    def artwork(self) -> Artwork:
        """The finished pictures with their previews, read from their files."""
        return Artwork.from_events(self._with_pictures(), folder=self.folder)

    def _with_pictures(self) -> Iterator[Event]:
        for event in self.events():
            if isinstance(event, Previewed | Completed):
                file = self.folder / (run_layout.image_file(event) or "")
                if file.exists():
                    yield event.model_copy(update={"image": load_image(file)})
            else:
                yield event


def load_image(file: Path) -> Image.Image:
    """A picture in memory, its file closed again."""
    with Image.open(file, formats=("PNG",)) as image:
        return image.convert("RGB")


def list_runs(settings: Settings) -> tuple[Run, ...]:
    """All runs of the list that still exist, newest first."""
    return tuple(_open_all(settings))


def find_run(name: str, settings: Settings) -> Run:
    """A run by its folder, one of its pictures, its name or the beginning of it; 'last' is the newest.

    Raises:
        RunNotFound: nothing fits, or more than one run does.
    """
    place = Path(name).expanduser()
    if place.is_file():
        place = place.parent
    if (place / run_layout.REQUEST).is_file():
        return Run.open(place)
    runs = list_runs(settings)
    if name == "last" and runs:
        return runs[0]
    fitting = [run for run in runs if run.name == name] or [run for run in runs if run.name.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(run.name for run in fitting[:5])
        raise RunNotFound(f"“{name}”对得上好几次作画：{names}。", f"{name!r} fits more than one run: {names}.")
    raise RunNotFound(
        f"找不到“{name}”这次作画。用 danqing runs list 看有哪些，或给出它的文件夹。",
        f"There is no run {name!r}. See danqing runs list, or give its folder.",
    )


def _open_all(settings: Settings) -> Iterator[Run]:
    try:
        lines = settings.runs_file.read_text("utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return
    for line in dict.fromkeys(reversed(lines)):
        with suppress(RunNotFound):
            yield Run.open(line)
