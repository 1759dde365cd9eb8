"""Parses reference pictures such as "photo.png:0.5"."""

import re
from dataclasses import dataclass

from danqing.errors import InvalidRequest, ScheduleError
from danqing.normalize import normalize_characters
from danqing.prompt import MAX_WEIGHT
from danqing.schedule import ONE, Schedule, parse_schedule

_NUMBER = re.compile(r"[-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})")
_SCHEDULE = re.compile(r"\[[\d.,\[\]()*+\- ]*")


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture that the painting should resemble, and its weight; a negative weight steers away from it."""

    source: str
    """A file, a URL or a data URI."""
    weight: Schedule = ONE


def parse_reference(text: str) -> Reference:
    """Parse "PICTURE", "PICTURE:0.5" or "PICTURE:[1]*400+[0]*600".

    Args:
        text: only what follows the last colon, and is a number or a schedule, is a weight.
    Raises:
        InvalidRequest: there is no picture, or the weight is too large.
        ScheduleError: the weight cannot be parsed.
    """
    source, weight = split_reference(text)
    if not source:
        raise _error("没有参考图。请写成 图片 或 图片:0.5。", "There is no picture. Write PICTURE or PICTURE:0.5.")
    try:
        schedule = parse_schedule(weight or "1")
    except ScheduleError as error:
        zh, en = f"参考图的权重：{error.zh}", f"weight of the reference picture: {error.en}"
        raise ScheduleError(zh, en, column=error.column, field="like") from error
    if max(map(abs, schedule.values)) > MAX_WEIGHT:
        raise _error(
            f"参考图的权重应在 -{MAX_WEIGHT:g} 到 {MAX_WEIGHT:g} 之间。",
            f"The weight of a reference picture must be between -{MAX_WEIGHT:g} and {MAX_WEIGHT:g}.",
        )
    return Reference(source, schedule)


def split_reference(text: str) -> tuple[str, str]:
    """Split a text into the picture and its weight; the weight is empty if there is none."""
    colon = max(text.rfind(":"), text.rfind("："))
    weight = normalize_characters(text[colon + 1 :][:4096]).strip()
    if colon > 0 and (_NUMBER.fullmatch(weight) or _SCHEDULE.fullmatch(weight)):
        return text[:colon].strip(), weight
    return text.strip(), ""


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh, en, field="like")
