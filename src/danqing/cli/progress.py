"""The progress bar: step, speed, time left and loss, and the picture as it comes about."""

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
from danqing.events import MemoryReduced, Downloaded, Event, Previewed, Started, Stepped, Warned


class SpeedColumn(ProgressColumn):
    """Steps in a second, or seconds for a step where that reads better."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        if speed >= 1:
            return Text(tr(f"{speed:.1f} 步/秒", f"{speed:.1f} steps/s"))
        return Text(tr(f"{1 / speed:.1f} 秒/步", f"{1 / speed:.1f} s/step"))


class CountColumn(ProgressColumn):
    """Steps done, of how many; nothing while the model is being loaded."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


class RemainingColumn(TimeRemainingColumn):
    """Time left; until the first step is done, what was foreseen for the whole run."""

    def render(self, task: Task) -> Text:
        foreseen = task.fields.get("foreseen")
        if task.completed or not isinstance(foreseen, float):
            return super().render(task)
        return Text(
            tr(f"约 {format_duration(foreseen)}", f"about {format_duration(foreseen)}"), style="progress.remaining"
        )


class ProgressDisplay:
    """A moving board on stderr; it vanishes when it is left."""

    def __init__(self, *, preview: bool, show_model: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._wants_preview = preview
        self._show_model = show_model
        self._image: Image | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            CountColumn(),
            SpeedColumn(),
            RemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=self.console,
        )
        self._task = self._progress.add_task(tr("准备模型", "loading"), total=None, loss="")
        self._live = Live(console=self.console, get_renderable=self._render, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Move with an event."""
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._step(event)
            case Previewed(image=Image() as image) if self._wants_preview:
                self._image = image
            case Warned() | MemoryReduced():
                self.console.print(event.en if read_language() == "en" else event.zh, style="yellow")
            case _:
                pass

    def refresh(self) -> None:
        """Draw now, without waiting for the next moment to do so."""
        self._live.refresh()

    def _start(self, event: Started) -> None:
        if self._show_model:
            self.console.print(model_notice(event))
        total = event.steps * event.request.n_batches
        foreseen = event.estimate.seconds if event.estimate else None
        self._progress.reset(self._task, total=total, description=tr("作画", "painting"), loss="", foreseen=foreseen)

    def _step(self, event: Stepped) -> None:
        loss = "" if event.loss is None else tr(f"损失 {event.loss:.3g}", f"loss {event.loss:.3g}")
        self._progress.update(self._task, completed=event.batch * event.steps + event.step + 1, loss=loss)

    def _render(self) -> Group:
        if self._image is None:
            return Group(self._progress)
        width, height = self.console.size
        return Group(half_blocks(self._image, columns=min(width, 80), rows=max(4, height - 4)), self._progress)


def show_downloads(events: Iterable[Downloaded]) -> None:
    """Draw the bars until all files are there; they vanish."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        whole = progress.add_task(tr("合计", "in all"), total=None)
        bars: dict[str, TaskID] = {}
        for event in events:
            if event.file not in bars:
                bars[event.file] = progress.add_task(event.file, total=None)
            progress.update(bars[event.file], completed=event.bytes, total=event.total)
            files = [task for task in progress.tasks if task.id != whole]
            progress.update(
                whole, completed=sum(task.completed for task in files), total=sum(task.total or 0 for task in files)
            )


HALF_BLOCK = "▀"


def half_blocks(image: Image, *, columns: int, rows: int) -> Text:
    """The picture as coloured text.

    Args:
        image: RGB.
        columns: most characters in a line.
        rows: most lines; the picture keeps its shape.
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
