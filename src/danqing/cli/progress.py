"""The progress bar: step, speed, time left and loss, and the picture as it comes about."""

from types import TracebackType
from typing import Self

from PIL.Image import Image
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from danqing.cli.console import name_model
from danqing.cli.language import read_language, say
from danqing.cli.outlook import spoken
from danqing.cli.preview import half_blocks
from danqing.events import Adapted, Event, Previewed, Started, Stepped, Warned


class Speed(ProgressColumn):
    """Steps in a second, or seconds for a step where that reads better."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        if speed >= 1:
            return Text(say(f"{speed:.1f} 步/秒", f"{speed:.1f} steps/s"))
        return Text(say(f"{1 / speed:.1f} 秒/步", f"{1 / speed:.1f} s/step"))


class Count(ProgressColumn):
    """Steps done, of how many; nothing while the model is being loaded."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


class Remaining(TimeRemainingColumn):
    """Time left; until the first step is done, what was foreseen for the whole run."""

    def render(self, task: Task) -> Text:
        foreseen = task.fields.get("foreseen")
        if task.completed or not isinstance(foreseen, float):
            return super().render(task)
        return Text(say(f"约 {spoken(foreseen)}", f"about {spoken(foreseen)}"), style="progress.remaining")


class Board:
    """A moving board on stderr; it vanishes when it is left."""

    def __init__(self, *, preview: bool, name_model: bool) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._wants_preview = preview
        self._name_model = name_model
        self._image: Image | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            Count(),
            Speed(),
            Remaining(),
            TextColumn("{task.fields[loss]}"),
            console=self.console,
        )
        self._task = self._progress.add_task(say("准备模型", "loading"), total=None, loss="")
        self._live = Live(console=self.console, get_renderable=self._render, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Move with an event."""
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._step(event)
            case Previewed(image=Image() as image) if self._wants_preview:
                self._image = image
            case Warned() | Adapted():
                self.console.print(event.en if read_language() == "en" else event.zh, style="yellow")
            case _:
                pass

    def refresh(self) -> None:
        """Draw now, without waiting for the next moment to do so."""
        self._live.refresh()

    def _start(self, event: Started) -> None:
        if self._name_model:
            self.console.print(name_model(event))
        total = event.steps * event.request.n_batches
        foreseen = event.forecast.seconds if event.forecast else None
        self._progress.reset(self._task, total=total, description=say("作画", "painting"), loss="", foreseen=foreseen)

    def _step(self, event: Stepped) -> None:
        loss = "" if event.loss is None else say(f"损失 {event.loss:.3g}", f"loss {event.loss:.3g}")
        self._progress.update(self._task, completed=event.batch * event.steps + event.step + 1, loss=loss)

    def _render(self) -> Group:
        if self._image is None:
            return Group(self._progress)
        width, height = self.console.size
        return Group(half_blocks(self._image, columns=min(width, 80), rows=max(4, height - 4)), self._progress)
