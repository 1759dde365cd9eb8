"""Runs on disk: open one, list all, find one by its name or one of its pictures."""

import os
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
from danqing.request.pictures import picture_sources, replace_pictures
from danqing.results import run_layout
from danqing.results.artwork import Artwork
from danqing.results.checkpoint_file import most_advanced, read_checkpoint
from danqing.settings import Settings
from danqing.types import Checkpoint

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads a list of many runs ten times faster; wheels of PyYAML contain it on most systems."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run on disk, finished or not."""

    folder: Path
    request: Request
    """Complete, with model and seed. Its pictures are the copies in the run's folder."""

    @classmethod
    def open(cls, folder: Path | str) -> "Run":
        """Open the run in a folder.

        Raises:
            RunNotFound: the folder does not exist or contains no run.
        """
        try:
            path = Path(folder).absolute()
            values = yaml.load((path / run_layout.REQUEST).read_text("utf-8"), Loader=_YAML)
            request = read_request(values)
        except (
            OSError,
            ValueError,
            yaml.YAMLError,
            TypeError,
            AttributeError,
            RecursionError,
            InvalidRequest,
        ) as error:
            raise RunNotFound(f"文件夹 {folder} 中没有作画记录。", f"The folder {folder} contains no run.") from error
        return cls(path, _with_copies(request, path))

    @property
    def name(self) -> str:
        """Name of the folder; characters of another encoding are replaced so that it can be printed."""
        return self.folder.name.encode("utf-8", "replace").decode("utf-8")

    @property
    def state(self) -> Literal["finished", "unfinished"]:
        """'finished' if everything is painted and saved."""
        return "finished" if (self.folder / run_layout.RESULT).exists() else "unfinished"

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Files of the finished pictures."""
        files = (self.folder / run_layout.picture_file(number) for number in range(self.request.image_count))
        return tuple(file for file in files if file.exists())

    @property
    def animations(self) -> tuple[Path, ...]:
        """Files of the animations."""
        numbers = range(self.request.image_count)
        files = (
            self.folder / run_layout.picture_file(number, kind) for number in numbers for kind in run_layout.ANIMATIONS
        )
        return tuple(file for file in files if file.exists())

    def events(self) -> tuple[Event, ...]:
        """Read the recorded events; their pictures are None."""
        with suppress(FileNotFoundError):
            return run_layout.read_log(self.folder / run_layout.EVENTS)[0]
        return ()

    def failure(self) -> Failed | None:
        """Return the last failure; None if there was none."""
        return next((event for event in reversed(self.events()) if isinstance(event, Failed)), None)

    def checkpoint(self) -> Checkpoint | None:
        """Read the most advanced checkpoint; None if the run must start from the beginning."""
        return most_advanced(
            *(
                read_checkpoint(self.folder / name)
                for name in (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT)
            )
        )

    def artwork(self) -> Artwork:
        """Load the finished pictures and their previews."""
        return Artwork.from_events(self._with_pictures(), folder=self.folder)

    def _with_pictures(self) -> Iterator[Event]:
        for event in self.events():
            if isinstance(event, Previewed | Completed):
                file = self.folder / (run_layout.image_file(event) or "")
                if file.exists():
                    yield event.model_copy(update={"image": load_image(file)})
            else:
                yield event


def _with_copies(request: Request, folder: Path) -> Request:
    """Return a stored request with the paths of the copies in its folder."""
    sources = picture_sources(request.model_dump())
    copies = {
        name: str(folder / source)
        for name, source in sources.items()
        if source.startswith(f"{run_layout.picture_copy(name)}.") and (folder / source).is_file()
    }
    return request.with_changes(**replace_pictures(request.model_dump(), copies)) if copies else request


def load_image(file: Path) -> Image.Image:
    """Load a PNG as RGB."""
    with Image.open(file, formats=("PNG",)) as image:
        return image.convert("RGB")


def list_runs(settings: Settings) -> tuple[Run, ...]:
    """List the registered runs that still exist, newest first. Damaged lines of the list are skipped."""
    return tuple(_open_all(settings))


def find_run(name: str, settings: Settings) -> Run:
    """Find a run by its folder, one of its pictures, its name or a part of its name; 'last' is the newest.

    Raises:
        RunNotFound: no run, or more than one, matches.
    """
    path = Path(name).expanduser()
    is_file = path.is_file()
    if is_file:
        path = path.parent
    if (path / run_layout.REQUEST).is_file():
        return Run.open(path)
    if is_file:
        raise RunNotFound(
            f"文件 {name} 不在作画记录的文件夹中。请给出丹青保存的 PNG 原图，或作画记录的文件夹。",
            f"The file {name} is not in the folder of a run. Give the original PNG that Danqing saved, or the run's folder.",
        )
    runs = list_runs(settings)
    if name == "last" and not runs:
        raise RunNotFound("还没有作画记录。请先运行 danqing draw。", "There are no runs yet. Run danqing draw first.")
    if name == "last":
        return runs[0]
    matches = (
        [run for run in runs if run.name == name]
        or [run for run in runs if run.name.startswith(name)]
        or [run for run in runs if name in run.name]
    )
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(run.name for run in matches[:5])
        raise RunNotFound(
            f"“{name}”对应多条作画记录：{names}。请写全名称。", f"More than one run matches {name!r}: {names}."
        )
    raise RunNotFound(
        f"找不到作画记录“{name}”。用 danqing runs list 查看全部记录，或给出记录的文件夹。",
        f"There is no run {name!r}. List all runs with danqing runs list, or give the run's folder.",
    )


def _open_all(settings: Settings) -> Iterator[Run]:
    try:
        lines = [os.fsdecode(line) for line in settings.runs_file.read_bytes().splitlines()]
    except OSError:
        return
    for line in dict.fromkeys(reversed(lines)):
        with suppress(RunNotFound):
            yield Run.open(line)
