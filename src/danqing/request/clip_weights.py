"""Parses CLIP weights such as "chinese-clip-vit-l-14:0.5"."""

from collections.abc import Iterator
from dataclasses import dataclass

from danqing.errors import InvalidRequest, ScheduleError
from danqing.normalize import normalize_characters
from danqing.schedule import ONE, Schedule, parse_schedule

MAX_WEIGHT = 100.0
"""Maximum weight of a CLIP."""


@dataclass(frozen=True, slots=True)
class ClipWeight:
    """The name of a CLIP and its weight along the run; with weight 0 the CLIP is not evaluated."""

    name: str
    weight: Schedule = ONE


def split_clip_weights(text: str) -> list[str]:
    """Split a comma-separated list, ignoring commas in square brackets; takes time linear in the length of the text."""
    return [part for part in map(str.strip, _parts(text)) if part]


def _parts(text: str) -> Iterator[str]:
    line = normalize_characters(text)
    start, depth = 0, 0
    for position, character in enumerate(line):
        if character == "[":
            depth += 1
        elif character == "]":
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def parse_clip_weight(source: str) -> ClipWeight:
    """Parse "name", "name:0.5" or "name:[1]*400+[0]*600".

    Args:
        source: may use full-width characters.
    Raises:
        InvalidRequest: there is no name, or the weight is negative or too large.
        ScheduleError: the weight cannot be parsed.
    """
    colon = normalize_characters(source).find(":")
    name, weight = (source[:colon], source[colon + 1 :]) if colon >= 0 else (source, "1")
    name = name.strip()
    if not name:
        raise InvalidRequest(
            f"clip“{_short(source)}”的写法无效。请写成 名字、名字:0.5 或 名字:[1]*400+[0]*600。",
            f"Invalid clip {_short(source)!r}. Write NAME, NAME:0.5 or NAME:[1]*400+[0]*600.",
            field="clip",
        )
    try:
        schedule = parse_schedule(weight)
    except ScheduleError as error:
        zh, en = f"clip {_short(name)} 的权重：{error.zh}", f"weight of the clip {_short(name)}: {error.en}"
        raise ScheduleError(zh, en, column=error.column, field="clip") from error
    if schedule.min < 0 or schedule.max > MAX_WEIGHT:
        raise InvalidRequest(
            f"clip {_short(name)} 的权重应在 0 到 {MAX_WEIGHT:g} 之间。",
            f"The weight of the clip {_short(name)} must be between 0 and {MAX_WEIGHT:g}.",
            field="clip",
        )
    return ClipWeight(name, schedule)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
