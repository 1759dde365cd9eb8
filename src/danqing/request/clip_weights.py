"""Which CLIPs look at a picture: "chinese-clip-vit-l-14:0.5", a name and how much its word counts."""

import re
from dataclasses import dataclass

from danqing.errors import InvalidRequest, ScheduleError
from danqing.schedule import ONE, Schedule, parse_schedule

MAX_WEIGHT = 100.0
"""Largest weight of a CLIP."""
_BETWEEN = re.compile(r"[,，](?![^\[［]*[\]］])")  # commas, but not those of a list of numbers


@dataclass(frozen=True, slots=True)
class ClipWeight:
    """A CLIP by its name."""

    name: str
    weight: Schedule = ONE
    """How much its word counts along the run; where it is 0 the CLIP does not look."""


def split_clip_weights(text: str) -> list[str]:
    """The single CLIPs of a text that names several, separated by commas."""
    return [part.strip() for part in _BETWEEN.split(text) if part.strip()]


def parse_clip_weight(source: str) -> ClipWeight:
    """Read "name", "name:0.5" or "name:[1]*400+[0]*600".

    Args:
        source: the colon may be full-width.
    Raises:
        InvalidRequest: there is no name, or a weight that cannot be read, is negative or too large.
    """
    name, colon, weight = source.replace("：", ":", 1).partition(":")
    name = name.strip()
    if not name:
        raise InvalidRequest(
            f"clip“{source}”看不懂。请写成 名字、名字:0.5 或 名字:[1]*400+[0]*600。",
            f"The clip {source!r} cannot be read. Write NAME, NAME:0.5 or NAME:[1]*400+[0]*600.",
            field="clip",
        )
    try:
        share = parse_schedule(weight if colon else 1)
    except ScheduleError as error:
        zh, en = f"clip {name} 的权重：{error.zh}", f"weight of the clip {name}: {error.en}"
        raise ScheduleError(zh, en, column=error.column, field="clip") from error
    if share.min < 0 or share.max > MAX_WEIGHT:
        raise InvalidRequest(
            f"clip {name} 的权重要在 0 到 {MAX_WEIGHT:g} 之间。",
            f"The weight of the clip {name} must lie between 0 and {MAX_WEIGHT:g}.",
            field="clip",
        )
    return ClipWeight(name, share)
