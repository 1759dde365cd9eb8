"""Messages to and from the worker processes of a batch."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict


class Task(TypedDict):
    """A row to paint."""

    name: str
    """Start of the names of the files."""
    request: Mapping[str, object]
    folder: NotRequired[str]
    """Where the worker writes the pictures; without it they are returned."""
    sources: NotRequired[Mapping[str, str]]
    """Sources of the request's pictures, by the names of `picture_sources`, that stand in the metadata instead."""
    device: str


class TaskGroup(TypedDict):
    """Rows that a worker may paint at the same time."""

    tasks: list[Task]
    together: int | None
    """Maximum number at a time; None: as many as are measured to be faster on the device."""


class PaintedFile(TypedDict):
    """A finished picture."""

    picture: int
    seed: int
    path: str
    sha256: str
    png: NotRequired[bytes]
    """The file, if the worker does not write it."""


class TaskResult(TypedDict):
    """The result of a task: its pictures, or an error."""

    pictures: list[PaintedFile]
    seconds: float
    notices: list[str]
    error: Mapping[str, str] | None


def worker_died() -> TaskResult:
    """Return the result of a task whose worker processes died."""
    zh = "工作进程意外退出，可能是内存不足。请减少 --workers 或缩小画幅。"
    en = "The worker process exited unexpectedly, perhaps for lack of memory. Use fewer --workers or a smaller size."
    return TaskResult(pictures=[], seconds=0, notices=[], error={"zh": zh, "en": en})
