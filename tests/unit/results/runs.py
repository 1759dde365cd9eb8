"""Artificial runs: events as a pipeline yields them, with pictures that depend only on seed and step."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from PIL import Image

from danqing.events import Completed, Event, Previewed, Started, Stepped
from danqing.request import Request, read_request
from danqing.results.run_writer import Run, RunWriter
from danqing.types import Checkpoint

MODEL = "danqing_mini"
SIZE = (64, 64)


def small_request(**changes: object) -> Request:
    """A complete request of six steps on a small canvas."""
    values: dict[str, object] = {
        "prompts": "孤舟蓑笠翁，独钓寒江雪",
        "size": SIZE,
        "steps": 6,
        "seed": 7,
        "display_rate": 2,
    }
    return read_request({**values, "model": MODEL, **changes})


def image(seed: int, step: int) -> Image.Image:
    """A picture of a single colour."""
    return Image.new("RGB", SIZE, (seed % 256, step * 20 % 256, 90))


def paint(request: Request, *, batch: int = 0, step: int = 0) -> Iterator[Event]:
    """The events of a run, or of its rest from a batch and step on."""
    seed = request.seed or 0
    seeds = tuple(seed + number for number in range(request.image_count))
    yield Started(request=request, model=MODEL, device="cpu", seeds=seeds, steps=request.steps)
    for now in range(batch, request.n_batches):
        numbers = range(now * request.batch_size, (now + 1) * request.batch_size)
        for at in range(step if now == batch else 0, request.steps):
            last = at == request.steps - 1
            yield Stepped(batch=now, step=at, steps=request.steps, loss=1.5, nan=False, seconds=0.5)
            if at % request.display_rate == 0 or last:
                for number in numbers:
                    yield Previewed(picture=number, step=at, last=last, image=image(seeds[number], at))
            for number in numbers if last else ():
                yield Completed(picture=number, seed=seeds[number], image=image(seeds[number], at), nan_steps=0)


def checkpoint(batch: int, k: int) -> Checkpoint:
    """A checkpoint with a memory of two, and a gradient that the next step takes again."""
    x = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4) / 7
    return Checkpoint(batch, k, x, (x + 1, x.transpose(2, 3)), guidance_grad=x - 1)


def write(root: Path, request: Request, *, runs_file: Path | None = None) -> Run:
    """Record a finished run in a new folder below `root`."""
    with RunWriter.create(root, request, model=MODEL, runs_file=runs_file) as writer:
        for event in paint(request):
            writer.record(event)
            writer.save_checkpoint(checkpoint(0, 1))
    return Run.open(writer.folder)


def record_all(writer: RunWriter, events: Iterable[Event]) -> None:
    """Record events."""
    for event in events:
        writer.record(event)


def names(folder: Path) -> set[str]:
    """Return the paths of all files below a folder."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
