"""Paints the rows of a batch on a Ray cluster. The pictures are sent back, so that nodes need no shared folder."""

import base64
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from danqing.batch.plan import BatchRow, take_rows
from danqing.batch.table import BatchRecord
from danqing.batch.tasks import Task, TaskResult, worker_died
from danqing.cluster import ClusterOptions, connected, map_rows, resolve_limits
from danqing.errors import InvalidRequest
from danqing.inputs.image_file import read_image_bytes
from danqing.request.pictures import picture_sources, replace_pictures
from danqing.storage.atomic import write_bytes

Paint = Callable[[Sequence[Task]], Sequence[TaskResult]]
"""Paints tasks of one kind and returns their results in the same order."""


def load_painter(together: int | None) -> Paint:
    """Return the function that paints tasks; called in a worker process.

    Args:
        together: maximum number of tasks at a time; see `TaskPainter.paint_together`.
    """
    from danqing.batch.worker import TaskPainter  # imports torch

    painter = TaskPainter()

    def paint(tasks: Sequence[Task]) -> list[TaskResult]:
        results: dict[int, TaskResult] = {}
        painter.paint_together(tasks, together, results.__setitem__)
        return [results[number] for number in range(len(tasks))]

    return paint


def paint_on_ray(
    rows: Sequence[BatchRow],
    folder: Path,
    cluster: ClusterOptions,
    *,
    device: str = "auto",
    together: int | None = None,
    load: Callable[[int | None], Paint] = load_painter,
) -> Generator[list[BatchRecord]]:
    """Yield the records of each row after its pictures are written to the folder.

    Rows whose worker or node dies are painted by another worker. The table decides which rows are finished, not Ray Data's
    checkpoints: it also covers rows that were painted without Ray.

    Args:
        rows: to paint.
        folder: of the pictures.
        cluster: where to paint.
        device: device of the workers; auto takes the GPU that the cluster assigns.
        together: number of rows of one kind that a worker paints at the same time; see `paint_many`.
        load: called with `together` once in each worker process; returns the function that paints tasks.
    Raises:
        MissingExtra: Ray is not installed.
        ClusterUnavailable: the cluster cannot be reached.
        StorageError: the folder cannot be written.
    """
    tasks: dict[str, Task] = {}
    sent: list[BatchRow] = []
    for row in rows:
        try:
            tasks[row.name] = _to_task(row, device)
            sent.append(row)
        except InvalidRequest as error:
            failure = TaskResult(pictures=[], seconds=0, notices=[], error={"zh": error.zh, "en": error.en})
            yield row.to_records(failure, None)
    done: set[int] = set()
    with connected(cluster.address):
        cluster = resolve_limits(cluster)
        groups = [[tasks[row.name] for row in group] for group in _groups(sent, cluster, device, together)]
        with closing(map_rows(partial(load, together), groups, cluster)) as results:
            for result in results:
                done.add(result.row)
                yield sent[result.row].to_records(_write_pictures(result.value, folder), result.worker)
    for number, row in enumerate(sent):
        if number not in done:
            yield row.to_records(worker_died(), None)


def _groups(
    rows: Sequence[BatchRow], cluster: ClusterOptions, device: str, together: int | None
) -> Generator[list[BatchRow]]:
    """Divide rows, in their order, into those that a worker is sent at a time."""
    waiting = deque(rows)
    on_gpu = bool(cluster.gpus_per_worker) and device != "cpu"
    while group := take_rows(waiting, together, on_gpu=on_gpu, workers=cluster.max_workers or 1):
        yield group


def _to_task(row: BatchRow, device: str) -> Task:
    """Return the task of a row. Picture files are sent with it: a node cannot read the files of this machine."""
    local = {
        name: source
        for name, source in picture_sources(row.request).items()
        if not source.startswith(("data:", "http://", "https://"))
    }
    task = Task(name=row.name, request=row.request, device=device)
    if not local:
        return task
    uris = {
        name: f"data:;base64,{base64.b64encode(read_image_bytes(source)).decode()}" for name, source in local.items()
    }
    return {**task, "request": {**row.request, **replace_pictures(row.request, uris)}, "sources": local}


def _write_pictures(result: TaskResult, folder: Path) -> TaskResult:
    """Write the pictures of a result, and return it without them."""
    for picture in result["pictures"]:
        write_bytes(folder / picture["path"], picture.pop("png", b""))
    return result
