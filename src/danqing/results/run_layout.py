"""File names in a run's folder, and the event log. Pictures of events are stored in files of their own."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter, ValidationError

from danqing.events import Completed, Event, Previewed
from danqing.prompt import parse_prompt
from danqing.request import Request

REQUEST = "request.yaml"
EVENTS = "events.jsonl"
DURABLE_CHECKPOINT = "checkpoint.safetensors"
FAST_CHECKPOINT = "latest.safetensors"
"""A newer checkpoint written without fsync: a power cut can damage it."""
LOCK = ".lock"
"""Locked while a program writes to the folder."""
INIT_IMAGE = "init"
"""Copy of the initial image, without suffix."""
STEPS = "steps"
"""Folder of the states of steps, from which runs can branch."""
SHEET = "sheet.png"
ANIMATIONS = ("gif", "webp", "mp4")
"""Suffixes of the animations of a picture's steps."""
RESULT = "result.json"
"""Written last: a run with this file is finished."""


def picture_copy(name: str) -> str:
    """Return the file name, without suffix, of the copy of a request's picture."""
    return INIT_IMAGE if name == "init_image" else name


def folder_name(request: Request, *, now: datetime) -> str:
    """Build a folder name of the time, `batch_name`, the beginning of the first sentence, and the seed."""
    parts = [request.batch_name[:24], parse_prompt(request.prompts[0])[0].text[:12]]
    words = [re.sub(r"\W+", "_", part).strip("_") for part in parts]
    return "-".join([f"{now:%Y%m%d-%H%M%S}", *filter(None, words), str(request.seed)])


def picture_file(number: int, suffix: str = "png") -> str:
    """Return the file name of a picture, or of its animation with another suffix."""
    return f"{number:03d}.{suffix}"


def unscaled_file(number: int) -> str:
    """Return the file name of a picture as it was painted, before it was enlarged."""
    return f"{number:03d}-unscaled.png"


def unfinished_file(number: int) -> str:
    """Return the file name of a picture as it was painted, before its inscription, seal and mount."""
    return f"{number:03d}-unfinished.png"


def previews_folder(number: int) -> str:
    """Return the name of the folder with the previews of a picture."""
    return f"{number:03d}"


def preview_file(number: int, step: int) -> str:
    """Return the file name of a preview."""
    return f"{previews_folder(number)}/step-{step:04d}.png"


def step_file(batch: int, step: int) -> str:
    """Return the file name of the state after a step of a batch."""
    return f"{STEPS}/{batch:03d}-{step:04d}.safetensors"


def image_file(event: Event) -> str | None:
    """Return the file name of the event's picture; None for events without one."""
    match event:
        case Previewed():
            return preview_file(event.picture, event.step)
        case Completed():
            return picture_file(event.picture)
        case _:
            return None


def to_line(event: Event) -> bytes:
    """Serialise an event as a line of the log, with the name of the picture's file instead of the picture."""
    file = image_file(event)
    if file is None:
        return event.model_dump_json().encode() + b"\n"
    values = event.model_copy(update={"image": None}).model_dump(mode="json")
    return json.dumps({**values, "file": file}, ensure_ascii=False).encode() + b"\n"


def read_log(path: Path) -> tuple[tuple[Event, ...], int]:
    """Read the events of a log, without their pictures.

    Returns:
        the events, and the number of bytes they take in the file. What follows was cut off when the program stopped.
    """
    parse = make_line_parser()
    events: list[Event] = []
    valid_bytes = 0
    for line in _complete_lines(path.read_bytes()):
        event = parse(line)
        if event is None:
            break
        events.append(event)
        valid_bytes += len(line)
    return tuple(events), valid_bytes


def make_line_parser() -> Callable[[bytes], Event | None]:
    """Return a function that parses one line of a log; it returns None for a line that is not a complete event."""
    adapter: TypeAdapter[Event] = TypeAdapter(Event)

    def parse(line: bytes) -> Event | None:
        try:
            values = cast("dict[str, object]", json.loads(line))
            values.pop("file", None)
            return adapter.validate_python(values)
        except (ValueError, TypeError, AttributeError, RecursionError, ValidationError):
            return None

    return parse


def _complete_lines(data: bytes) -> Iterable[bytes]:
    return (line for line in data.splitlines(keepends=True) if line.endswith(b"\n"))
