"""Progress bars for runs and downloads, and previews of the picture in the terminal."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from PIL.Image import Image, Resampling
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.style import Style
from rich.text import Text

from danqing.cli.i18n import read_language, tr
from danqing.cli.plan import format_duration
from danqing.cli.run_output import model_notice
from danqing.events import Completed, Downloaded, Event, MemoryReduced, Previewed, Started, Stepped, Upscaled, Warned


class SpeedColumn(ProgressColumn):
    """Steps per second, or seconds per step if slower."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        if speed >= 1:
            return Text(tr(f"{speed:.1f} 步/秒", f"{speed:.1f} steps/s"))
        return Text(tr(f"{1 / speed:.1f} 秒/步", f"{1 / speed:.1f} s/step"))


class CountColumn(ProgressColumn):
    """Finished and total steps; empty while the model is loaded."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


class RemainingColumn(TimeRemainingColumn):
    """Remaining time; before the first step the estimate for the whole run."""

    def render(self, task: Task) -> Text:
        estimate = task.fields.get("estimate")
        if task.completed or not isinstance(estimate, float):
            return super().render(task)
        duration = format_duration(estimate)
        return Text(tr(f"约 {duration}", f"about {duration}"), style="progress.remaining")


class ProgressDisplay:
    """A progress bar on stderr, removed at the end.

    Args:
        preview: also show the picture; the finished pictures stay on the screen.
        show_model: print the name of the model.
    """

    def __init__(self, *, preview: bool, show_model: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._preview = preview
        self._show_model = show_model
        self._image: Image | None = None
        self._finished: list[Image] = []
        self._printed: set[str] = set()
        self._steps = 0  # of a batch
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            CountColumn(),
            SpeedColumn(),
            RemainingColumn(),
            console=self.console,
        )
        self._task = self._progress.add_task(tr("加载模型", "loading"), total=None)
        self._live = Live(console=self.console, get_renderable=self._render, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        for image in self._finished:
            self.console.print(self._to_text(image), end="")

    def on_event(self, event: Event) -> None:
        """Update the display."""
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._progress.update(self._task, completed=round(event.batches_done * self._steps))
            case Upscaled():
                self._progress.update(self._task, description=tr("放大", "enlarging"))
            case Previewed(image=Image() as image) if self._preview:
                self._image = image
            case Completed(image=Image() as image) if self._preview:
                self._finished.append(image)
                self._image = None
            case Warned() | MemoryReduced():
                self._print_once(event.text.in_language(read_language()))
            case _:
                pass

    def refresh(self) -> None:
        """Draw immediately."""
        self._live.refresh()

    def _print_once(self, text: str) -> None:
        if text not in self._printed:
            self._printed.add(text)
            self.console.print(text, style="yellow", markup=False)

    def _start(self, event: Started) -> None:
        if self._show_model:
            self.console.print(model_notice(event))
        self._steps = event.steps
        total = event.steps * event.request.n_batches
        seconds = event.estimate.seconds if event.estimate else None
        self._progress.reset(self._task, total=total, description=tr("作画", "painting"), estimate=seconds)

    def _render(self) -> Group:
        if self._image is None:
            return Group(self._progress)
        return Group(self._to_text(self._image), self._progress)

    def _to_text(self, image: Image) -> Text:
        width, height = self.console.size
        return half_blocks(image, columns=min(width, 80), rows=max(4, height - 4))


def show_downloads(events: Iterable[Downloaded]) -> None:
    """Show progress bars until all files are downloaded."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        total = progress.add_task(tr("合计", "total"), total=None)
        bars: dict[str, TaskID] = {}
        for event in events:
            if event.file not in bars:
                bars[event.file] = progress.add_task(event.file, total=None)
            progress.update(bars[event.file], completed=event.bytes, total=event.total)
            files = [task for task in progress.tasks if task.id != total]
            progress.update(
                total, completed=sum(task.completed for task in files), total=sum(task.total or 0 for task in files)
            )


HALF_BLOCK = "▀"


def half_blocks(image: Image, *, columns: int, rows: int) -> Text:
    """Render an image as coloured text, two pixels per character.

    Args:
        image: RGB.
        columns: maximum characters per line.
        rows: maximum lines; the aspect ratio is kept.
    """
    scale = min(columns / image.width, 2 * rows / image.height)
    width, height = max(1, round(image.width * scale)), max(2, round(image.height * scale / 2) * 2)
    small = image.convert("RGB").resize((width, height), Resampling.LANCZOS)
    data = small.tobytes()  # height * width * 3, row by row

    def colour(x: int, y: int) -> str:
        red, green, blue = data[3 * (y * width + x) : 3 * (y * width + x) + 3]
        return f"#{red:02x}{green:02x}{blue:02x}"

    text = Text(no_wrap=True, end="")
    for y in range(0, height, 2):
        for x in range(width):
            text.append(HALF_BLOCK, Style(color=colour(x, y), bgcolor=colour(x, y + 1)))
        text.append("\n")
    return text
