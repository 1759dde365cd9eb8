"""What lies where in a run's folder, and the log of its events with the pictures in files of their own."""

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
"""A checkpoint that a power cut may spoil; the one above is older and safe from that."""
SHEET = "sheet.png"
RESULT = "result.json"
"""Written last: a run that has it is finished."""


def folder_name(request: Request, *, now: datetime) -> str:
    """The time, the run's own name if it has one, the beginning of the first sentence, and the seed."""
    parts = [request.batch_name[:24], parse_prompt(request.prompts[0]).text[:12]]
    words = [re.sub(r"\W+", "_", part).strip("_") for part in parts]
    return "-".join([f"{now:%Y%m%d-%H%M%S}", *filter(None, words), str(request.seed)])


def picture_file(number: int, suffix: str = "png") -> str:
    """The file of a picture, or of its animation with another suffix."""
    return f"{number:03d}.{suffix}"


def previews_folder(number: int) -> str:
    """The folder with the previews of a picture."""
    return f"{number:03d}"


def preview_file(number: int, step: int) -> str:
    """The file of one preview."""
    return f"{previews_folder(number)}/step-{step:04d}.png"


def image_file(event: Event) -> str | None:
    """Where the picture of an event lies; None for events without one."""
    match event:
        case Previewed():
            return preview_file(event.picture, event.step)
        case Completed():
            return picture_file(event.picture)
        case _:
            return None


def to_line(event: Event) -> bytes:
    """An event as a line of the log: a picture is left out, its file is named instead."""
    file = image_file(event)
    if file is None:
        return event.model_dump_json().encode() + b"\n"
    values = event.model_copy(update={"image": None}).model_dump(mode="json")
    return json.dumps({**values, "file": file}, ensure_ascii=False).encode() + b"\n"


def read_log(path: Path) -> tuple[tuple[Event, ...], int]:
    """The events of a log, without their pictures.

    Returns:
        the events, and how many bytes of the file hold them: what follows was torn when the program or machine was stopped.
    """
    read = make_line_parser()
    events: list[Event] = []
    sound = 0
    for line in _whole_lines(path.read_bytes()):
        event = read(line)
        if event is None:
            break
        events.append(event)
        sound += len(line)
    return tuple(events), sound


def make_line_parser() -> Callable[[bytes], Event | None]:
    """Makes a function that reads one line of a log; its answer is None for a line that was torn or is no event."""
    adapter: TypeAdapter[Event] = TypeAdapter(Event)

    def read(line: bytes) -> Event | None:
        try:
            values = cast("dict[str, object]", json.loads(line))
            values.pop("file", None)
            return adapter.validate_python(values)
        except (ValueError, TypeError, AttributeError, ValidationError):
            return None

    return read


def _whole_lines(data: bytes) -> Iterable[bytes]:
    return (line for line in data.splitlines(keepends=True) if line.endswith(b"\n"))
