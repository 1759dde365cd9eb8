"""A worker process of a batch: reads tasks from standard input and writes the results to standard output, as JSON lines."""

import hashlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, cast

from danqing.api import load, stream
from danqing.batch.tasks import PaintedFile, Task, TaskGroup, TaskResult
from danqing.errors import DanqingError
from danqing.events import Event, Failed, Warned
from danqing.pipeline import Pipeline
from danqing.pipeline.joint_evaluation import JointEvaluator
from danqing.pipeline.joint_runs import JointRuns
from danqing.request import Request, read_request
from danqing.request.pictures import replace_pictures
from danqing.results.artwork import Artwork, Picture
from danqing.settings import read_settings
from danqing.storage.atomic import write_bytes

log = logging.getLogger(__name__)


class TaskPainter:
    """Paints tasks. The model of the last task remains loaded."""

    def __init__(self) -> None:
        self._pipeline: Pipeline | None = None
        self._loaded = ("", "", "")

    def paint(self, task: Task) -> TaskResult:
        """Paint a task and save its pictures. An error is returned, so that other tasks can follow."""
        result = self._result(task, _continue)
        assert result is not None, "painted to the end"
        return result

    def paint_together(
        self, tasks: Sequence[Task], together: int | None, on_result: Callable[[int, TaskResult], None]
    ) -> None:
        """Paint tasks of one kind at the same time, as far as memory suffices; one after another where that is not faster.

        Args:
            tasks: they differ in prompts, seeds and pictures only.
            together: maximum number of tasks at a time; see `JointRuns`.
            on_result: called with the number of each task and its result, as soon as it has ended.
        """
        joint = JointRuns(together if len(tasks) > 1 else 1)
        waiting, lock = deque(enumerate(tasks)), threading.Lock()
        threads: list[threading.Thread] = []

        def after(pipeline: Pipeline, event: Event) -> bool:
            """Start further threads if there is room; return False if the task must wait for the others."""
            room = joint.room(pipeline, event) or 1
            while len(threads) < min(room - 1, len(waiting)):
                threads.append(threading.Thread(target=paint_waiting))
                threads[-1].start()
            return not joint.must_leave(event)

        def paint_waiting() -> None:
            while True:
                with lock:
                    if not waiting:
                        return
                    number, task = waiting.popleft()
                with joint.run():
                    result = self._result(task, after, joint.evaluator)
                if result is None:
                    waiting.append((number, task))
                    return
                on_result(number, result)

        while waiting:  # tasks that had to wait for the others are left
            paint_waiting()
            for thread in threads:
                thread.join()
            threads.clear()

    def _result(
        self, task: Task, after: Callable[[Pipeline, Event], bool], joint: JointEvaluator | None = None
    ) -> TaskResult | None:
        """Return the result of a task; None if `after`, which is called with each event, returns False."""
        started = time.perf_counter()
        pictures: list[PaintedFile] = []
        notices: list[str] = []
        error: Mapping[str, str] | None = None
        try:
            request = read_request(task["request"])
            pipeline = self._load(request, task["device"])
            if joint is not None:
                pipeline = replace(pipeline, model=replace(pipeline.model, joint=joint))
            events: list[Event] = []
            for event in stream(request, pipeline=pipeline, out=None):
                events.append(event)
                if isinstance(event, Warned):
                    notices.append(event.text.in_language(read_settings().language))
                if isinstance(event, Failed):
                    raise DanqingError(event.zh, event.en)
                if not after(pipeline, event):
                    return None
            artwork = Artwork.from_events(events)
            pictures = [_save(_with_sources(picture, task.get("sources", {})), task) for picture in artwork]
        except DanqingError as raised:
            error = {"zh": raised.zh, "en": raised.en}
        except Exception as raised:  # one task must not end the others
            log.exception("Task %s failed", task["name"])
            error = {"zh": f"程序内部错误：{raised!r}。", "en": f"Internal error: {raised!r}."}
        seconds = round(time.perf_counter() - started, 3)
        return TaskResult(pictures=pictures, seconds=seconds, notices=notices, error=error)

    def _load(self, request: Request, device: str) -> Pipeline:
        device = device if request.device == "auto" else request.device
        wanted = (request.model, device, request.dtype)
        if self._pipeline is None or wanted != self._loaded:
            self._pipeline = None  # release the memory of the previous model first
            self._pipeline, self._loaded = load(request.model, device=device, dtype=request.dtype), wanted
        return self._pipeline


def _continue(pipeline: Pipeline, event: Event) -> bool:
    del pipeline, event
    return True


def _with_sources(picture: Picture, sources: Mapping[str, str]) -> Picture:
    """Return a picture whose metadata names the sources of the pictures that were sent with the task."""
    if not sources:
        return picture
    changes = replace_pictures(picture.request.to_dict(), sources)
    return replace(picture, request=picture.request.with_changes(**changes))


def _save(picture: Picture, task: Task) -> PaintedFile:
    """Write a picture, or return it if the task has no folder."""
    png = picture.to_png()
    name = f"{task['name']}-{picture.number}.png"
    digest = hashlib.sha256(png).hexdigest()
    file = PaintedFile(picture=picture.number, seed=picture.seed, path=name, sha256=digest)
    if "folder" not in task:
        return {**file, "png": png}
    write_bytes(Path(task["folder"]) / name, png)
    return file


def main() -> NoReturn:
    """Paint the tasks of the parent process until it closes standard input; other output goes to standard error."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent kills this process
    results = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lock = threading.Lock()

    def send(number: int, result: TaskResult) -> None:
        with lock:
            results.write(json.dumps([number, result]).encode() + b"\n")
            results.flush()

    painter = TaskPainter()
    for line in sys.stdin.buffer:
        group = cast(TaskGroup, json.loads(line))
        painter.paint_together(group["tasks"], group["together"], send)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
