"""Bars for files on their way: one for each, and one for all of them."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from danqing.cli.language import say
from danqing.events import Downloaded


def show(events: Iterable[Downloaded]) -> None:
    """Draw the bars until all files are there; they vanish."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        whole = progress.add_task(say("合计", "in all"), total=None)
        bars: dict[str, TaskID] = {}
        for event in events:
            if event.file not in bars:
                bars[event.file] = progress.add_task(event.file, total=None)
            progress.update(bars[event.file], completed=event.bytes, total=event.total)
            files = [task for task in progress.tasks if task.id != whole]
            progress.update(
                whole, completed=sum(task.completed for task in files), total=sum(task.total or 0 for task in files)
            )
