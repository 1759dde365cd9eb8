"""Runs of a grid: its pictures are painted one after another, each by a run of its own, as batches of one run."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from danqing.events import Completed, Event, Failed, MemoryReduced, Previewed, Started, Stepped, Upscaled, Warned
from danqing.request import Request
from danqing.types import Checkpoint

OnCheckpoint = Callable[[Checkpoint], None]
RunCell = Callable[[Request, Checkpoint | None, OnCheckpoint | None], Iterator[Event]]
"""Runs the request of one picture, from a checkpoint or from the beginning."""


def run_grid(
    request: Request, run_cell: RunCell, *, resume: Checkpoint | None, on_checkpoint: OnCheckpoint | None
) -> Iterator[Event]:
    """Yield the events of a grid, numbered as those of a run with one batch for each picture.

    Args:
        request: complete, with a grid.
        run_cell: runs one of its cells.
        resume: the last checkpoint of an earlier run of the same grid; its batch is the number of the picture.
        on_checkpoint: called after every step with the state to continue from.
    """
    cells, told = request.cells(), set[str]()
    first = resume.batch if resume else 0
    for number in range(first, len(cells)):
        start = replace(resume, batch=0) if resume and number == first else None
        for event in run_cell(cells[number], start, _with_batch(on_checkpoint, number)):
            if isinstance(event, Started):
                if number == first:
                    seeds = tuple(cell.seed or 0 for cell in cells)
                    yield event.model_copy(update={"request": request, "seeds": seeds})
            elif isinstance(event, Warned | MemoryReduced):
                if event.zh not in told:
                    yield event
                told.add(event.zh)
            else:
                yield _renumbered(event, number)
            if isinstance(event, Failed):
                return


def _with_batch(on_checkpoint: OnCheckpoint | None, number: int) -> OnCheckpoint | None:
    if on_checkpoint is None:
        return None
    return lambda checkpoint: on_checkpoint(replace(checkpoint, batch=number))


def _renumbered(event: Event, number: int) -> Event:
    match event:
        case Stepped() | Failed():
            return event.model_copy(update={"batch": number})
        case Previewed() | Upscaled() | Completed():
            return event.model_copy(update={"picture": number})
        case _:
            return event
