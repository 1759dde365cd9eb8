"""The kinds of values that a request holds: sizes, schedules with their ranges, choices; each read once, in one place."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from danqing.errors import InvalidRequest, ScheduleError
from danqing.request.clip_weights import parse_clip_weight, split_clip_weights
from danqing.schedule import Schedule, parse_schedule

SIDE = 64
"""Both sides of a canvas are multiples of this many pixels."""
MAX_URI = 24_000_000
"""Longest text of a start picture, in characters: a data URI of the largest file that is read."""

Sampler = Literal["ddim", "plms", "dpmpp_2m"]
Quality = Literal["draft", "standard", "fine"]
Symmetry = Literal["none", "horizontal", "vertical", "both"]
Saved = Literal["previews", "gif", "webp", "mp4", "sheet"]


def nearest_sizes(width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The canvases just below and just above a size whose sides are not multiples of 64."""

    def below(side: int) -> int:
        return max(SIDE, side // SIDE * SIDE)

    def above(side: int) -> int:
        return max(SIDE, -(-side // SIDE) * SIDE)

    return (below(width), below(height)), (above(width), above(height))


def field_help(group: str, zh: str, en: str, unit: str = "") -> dict[str, Any]:
    """What a field says of itself: its group in Chinese, its help in both languages, and its unit."""
    return {"description": en, "json_schema_extra": {"group": group, "zh": zh, "en": en, "unit": unit}}


def constant(value: float) -> Schedule:
    """The same number for the whole run."""
    return Schedule((float(value),))


def _read_size(value: object) -> object:
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d{1,5})\s*[xX×*,，]\s*(\d{1,5})\s*", value)
        if not found:
            raise InvalidRequest(
                f"画幅“{value}”看不懂。请写成 宽x高，例如 1280x768。",
                f"The size {value!r} cannot be read. Write WIDTHxHEIGHT, for example 1280x768.",
                field="size",
            )
        value = (int(found[1]), int(found[2]))
    sides = tuple(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()
    if len(sides) != 2 or any(isinstance(side, bool) or not isinstance(side, int) for side in sides):
        raise InvalidRequest(
            "画幅要两个整数：宽和高，例如 1280x768。",
            "The size needs two whole numbers, width and height, for example 1280x768.",
            field="size",
        )
    width, height = cast("tuple[int, int]", sides)
    if width < SIDE or height < SIDE or width % SIDE or height % SIDE:
        (w0, h0), (w1, h1) = nearest_sizes(width, height)
        near = f"{w0}x{h0}" if (w0, h0) == (w1, h1) else f"{w0}x{h0}, {w1}x{h1}"
        raise InvalidRequest(
            f"画幅 {width}x{height} 不行：宽和高都要是 {SIDE} 的倍数。最接近的是 {near}。",
            f"The size {width}x{height} cannot be painted: both sides must be multiples of {SIDE}. Nearest: {near}.",
            field="size",
        )
    return width, height


def _read_prompts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _parse_gigabytes(value: object) -> object:
    """6GB is 6."""
    return re.sub(r"\s*(GB?|GiB)\s*$", "", value, flags=re.IGNORECASE) if isinstance(value, str) else value


def _read_clips(value: object) -> object:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return value
    parts = cast("Sequence[object]", texts)
    looks = [look for part in parts if isinstance(part, str) for look in split_clip_weights(part)]
    names = [parse_clip_weight(look).name for look in looks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InvalidRequest(
            f"clip {twice} 写了两次，请合成一个权重。",
            f"The clip {twice} is named twice; give it one weight.",
            field="clip",
        )
    return looks if all(isinstance(part, str) for part in parts) else value


def _schedule_field(
    low: float, high: float, *, whole: bool = False
) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    """How a schedule within a range is read, written, and described."""

    def read(value: object, info: ValidationInfo) -> Schedule:
        field = info.field_name or ""
        if not isinstance(value, str | int | float | list | tuple | Schedule):
            raise InvalidRequest(
                f"{field} 要一个数，或 [12]*400+[4]*600 这样的日程。",
                f"{field} needs a number or a schedule such as [12]*400+[4]*600.",
                field=field,
            )
        try:
            # use_secondary is a switch over the run: true and false are 1 and 0.
            schedule = parse_schedule(int(value) if isinstance(value, bool) else cast("str", value))
        except ScheduleError as error:
            zh, en = f"{field}：{error.zh}", f"{field}: {error.en}"
            raise ScheduleError(zh, en, column=error.column, field=field) from error
        if schedule.min < low or schedule.max > high or (whole and not schedule.is_integral):
            kind_zh, kind_en = ("整数", "whole numbers") if whole else ("数", "numbers")
            raise InvalidRequest(
                f"{field} 的值要是 {low:g} 到 {high:g} 之间的{kind_zh}。",
                f"{field} takes {kind_en} from {low:g} to {high:g}.",
                field=field,
            )
        return schedule

    number = {"type": "integer" if whole else "number", "minimum": low, "maximum": high}
    schema = {"anyOf": [number, {"type": "string"}, {"type": "array", "items": number}]}
    return BeforeValidator(read), PlainSerializer(str, return_type=str), WithJsonSchema(schema)


Scale = Annotated[Schedule, *_schedule_field(0, 1e8)]
Clamp = Annotated[Schedule, *_schedule_field(1e-6, 1e3)]
Count = Annotated[Schedule, *_schedule_field(1, 64, whole=True)]
Spacing = Annotated[Schedule, *_schedule_field(0.01, 100)]
StepInterval = Annotated[Schedule, *_schedule_field(1, 100, whole=True)]
CutoutCount = Annotated[Schedule, *_schedule_field(0, 256, whole=True)]
Power = Annotated[Schedule, *_schedule_field(0, 100)]
Fraction = Annotated[Schedule, *_schedule_field(0, 1)]
Switch = Annotated[Schedule, *_schedule_field(0, 1, whole=True)]
Size = Annotated[tuple[int, int], BeforeValidator(_read_size)]
Prompts = Annotated[tuple[str, ...], BeforeValidator(_read_prompts)]
Gigabytes = Annotated[float | None, BeforeValidator(_parse_gigabytes)]
Clips = Annotated[tuple[str, ...], BeforeValidator(_read_clips)]
