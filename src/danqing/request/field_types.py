"""Types of request fields, with their validation and JSON schema."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from danqing.errors import InvalidRequest, ScheduleError
from danqing.normalize import normalize_characters
from danqing.request.clip_weights import parse_clip_weight, split_clip_weights
from danqing.request.extension import parse_extension
from danqing.request.grid import read_grid
from danqing.request.labels import field_label
from danqing.request.references import parse_reference
from danqing.schedule import MAX_TEXT, Schedule, parse_schedule

SIZE_MULTIPLE = 64
"""Width and height of a canvas are multiples of this, in pixels."""
MAX_CLIPS = 8
"""Maximum number of CLIPs of a request."""
MAX_CLIP_TEXT = 2 * MAX_TEXT
"""Maximum length of one text of CLIPs with their weights."""
MAX_URI = 24_000_000
"""Maximum length of a picture in characters: a data URI of the largest file that is accepted."""
MAX_WORDS = 1000
"""Maximum length of a text that is split into a list; a longer one is refused."""
MAX_REFERENCES = 4
"""Maximum number of reference pictures of a request."""

_SIZE = re.compile(r"[\[(【]? ?(\d{1,5}) ?[xX*, ] ?(\d{1,5}) ?[\])】]?")
_TRUE = frozenset({"true", "t", "1", "yes", "y", "on", "是"})
_FALSE = frozenset({"false", "f", "0", "no", "n", "off", "否"})
_SIDE_SCHEMA: dict[str, Any] = {"type": "integer", "minimum": SIZE_MULTIPLE, "multipleOf": SIZE_MULTIPLE}
_SIZE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": "^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$"},
        {"type": "array", "items": _SIDE_SCHEMA, "minItems": 2, "maxItems": 2},
    ]
}
_PROMPT_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 2000}
_PROMPTS_SCHEMA: dict[str, Any] = {
    "anyOf": [_PROMPT_SCHEMA, {"type": "array", "items": _PROMPT_SCHEMA, "minItems": 1, "maxItems": 20}]
}
_GRID_VALUES: dict[str, Any] = {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1, "maxItems": 64}
_GRID_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": 2000},
        {"type": "object", "additionalProperties": _GRID_VALUES, "minProperties": 1, "maxProperties": 2},
        {"type": "null"},
    ]
}
_GIGABYTES = re.compile(r" {0,4}(GB?|GiB)$", re.IGNORECASE)

Sampler = Literal["ddim", "plms", "dpmpp_2m"]
Quality = Literal["draft", "standard", "fine"]
GuideThrough = Literal["estimate", "secondary", "unet"]
Symmetry = Literal["none", "horizontal", "vertical", "both"]
Factor = Literal[1, 2, 4]
Saved = Literal["previews", "gif", "webp", "mp4", "sheet", "steps"]


def nearest_sizes(width: int, height: int, unit: int = SIZE_MULTIPLE) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the next smaller and the next larger size whose sides are multiples of a number, by default 64."""

    def below(side: int) -> int:
        return max(unit, side // unit * unit)

    def above(side: int) -> int:
        return max(unit, -(-side // unit) * unit)

    return (below(width), below(height)), (above(width), above(height))


def field_help(group: str, zh: str, en: str, unit: str = "") -> dict[str, Any]:
    """Return the metadata of a field: its group in Chinese, its help in Chinese and English, and its unit."""
    return {"description": en, "json_schema_extra": {"group": group, "zh": zh, "en": en, "unit": unit}}


def constant(value: float) -> Schedule:
    """Return a constant schedule."""
    return Schedule((float(value),))


def parse_size_text(text: str) -> tuple[int, int]:
    """Parse a size such as "1280x768", "1280 768" or "[1280, 768]", possibly with full-width characters.

    Raises:
        InvalidRequest: it is not a size.
    """
    # Single spaces, so that matching takes linear time.
    match = _SIZE.fullmatch(" ".join(normalize_characters(text[:100]).split()))
    if match is None:
        raise InvalidRequest(
            f"画幅“{text[:40]}”的写法无效。请写成 宽x高，例如 1280x768。",
            f"Invalid size {text[:40]!r}. Write WIDTHxHEIGHT, for example 1280x768.",
            field="size",
        )
    return int(match[1]), int(match[2])


def parse_bool(value: object) -> object:
    """Convert a text such as "true", "no", "1" or "是" to a bool; other values are returned unchanged."""
    if not isinstance(value, str):
        return value
    word = normalize_characters(value[:20]).strip().lower()
    return word in _TRUE if word in _TRUE | _FALSE else value


def _parse_size(value: object) -> object:
    if isinstance(value, str):
        value = parse_size_text(value)
    sides = tuple(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()
    if len(sides) != 2 or any(isinstance(side, bool) or not isinstance(side, int) for side in sides):
        raise InvalidRequest(
            "画幅应为两个整数：宽和高，例如 1280x768。",
            "The size must be two integers, width and height, for example 1280x768.",
            field="size",
        )
    width, height = cast("tuple[int, int]", sides)
    if width < SIZE_MULTIPLE or height < SIZE_MULTIPLE or width % SIZE_MULTIPLE or height % SIZE_MULTIPLE:
        (w0, h0), (w1, h1) = nearest_sizes(width, height)
        nearest = f"{w0}x{h0}" if (w0, h0) == (w1, h1) else f"{w0}x{h0}, {w1}x{h1}"
        raise InvalidRequest(
            f"画幅 {width}x{height} 无效：宽和高都必须是 {SIZE_MULTIPLE} 的倍数。最接近的是 {nearest}。",
            f"Invalid size {width}x{height}: both sides must be multiples of {SIZE_MULTIPLE}. Nearest: {nearest}.",
            field="size",
        )
    return width, height


def _parse_prompts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _parse_gigabytes(value: object) -> object:
    """Remove the unit of a text such as "6GB"."""
    return _GIGABYTES.sub("", value[:100].strip()) if isinstance(value, str) else value


def _parse_clips(value: object) -> object:
    lines = (value,) if isinstance(value, str) else value
    if not isinstance(lines, list | tuple):
        return value
    parts = cast("Sequence[object]", lines)
    if any(isinstance(part, str) and len(part) > MAX_CLIP_TEXT for part in parts[:MAX_CLIPS]):
        raise InvalidRequest("clip 写得太长，请缩短。", "The text of clip is too long. Shorten it.", field="clip")
    clips = [clip for part in parts[:MAX_CLIPS] if isinstance(part, str) for clip in split_clip_weights(part)]
    if len(clips) > MAX_CLIPS:
        return clips  # refused by the maximum length of the field
    names = [parse_clip_weight(clip).name for clip in clips]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate:
        raise InvalidRequest(
            f"clip {duplicate} 重复了，请合并为一个权重。",
            f"The clip {duplicate} is given twice; use one weight.",
            field="clip",
        )
    return clips if len(parts) <= MAX_CLIPS and all(isinstance(part, str) for part in parts) else parts


def _parse_path(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _parse_source(value: object) -> object:
    """Return a path as a string, and None for a blank one: forms send an empty string for a field without a value."""
    return None if isinstance(value, str) and not value.strip() else _parse_path(value)


def _parse_factor(value: object) -> object:
    """Convert a text such as "4" or "4x", or a float, to an integer."""
    if isinstance(value, str):
        value = value.strip().lower().removesuffix("x")
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 4 else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parse_extension(value: object) -> object:
    """Check the text of an extension; an empty one is None."""
    if isinstance(value, str):
        if not value.strip():
            return None
        parse_extension(value)
    return value


def _parse_references(value: object) -> object:
    items = (value,) if isinstance(value, str | Path) else value
    if not isinstance(items, list | tuple):
        return value
    sources = [_parse_source(item) for item in cast("Sequence[object]", items)]
    parts = [source for source in sources if source is not None]
    for part in parts[:MAX_REFERENCES]:
        if isinstance(part, str) and len(part) <= MAX_URI:
            parse_reference(part)
        elif isinstance(part, str):
            raise InvalidRequest(
                "参考图太大。请换一张。", "The reference picture is too large. Choose another.", field="like"
            )
    return tuple(parts)


def _parse_perlin_mode(value: object) -> object:
    """Accept "mix", the spelling of the PaddleHub module, for "mixed"."""
    return "mixed" if value == "mix" else value


def _split_words(value: object) -> object:
    """Split a text such as "gif, webp", as a cell of a table or a field of a form holds a list."""
    if not isinstance(value, str) or len(value) > MAX_WORDS:
        return value
    return tuple(value.replace(",", " ").replace("，", " ").split())


def _remove_duplicates(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    items = cast("Sequence[object]", value)
    return tuple(dict.fromkeys(items)) if all(isinstance(item, str) for item in items) else items


def _schedule_field(
    low: float, high: float, *, integral: bool = False
) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    """Return the validator, the serializer and the JSON schema of a schedule field with a range."""

    def read(value: object, info: ValidationInfo) -> Schedule:
        field = info.field_name or ""
        label = field_label(field)
        if not isinstance(value, str | int | float | list | tuple | Schedule):
            raise InvalidRequest(
                f"{label.zh}应为一个数，或 [12]*400+[4]*600 这样的日程。",
                f"{label.en} must be a number or a schedule such as [12]*400+[4]*600.",
                field=field,
            )
        try:
            # use_secondary also accepts true and false.
            schedule = parse_schedule(int(value) if isinstance(value, bool) else cast("str", value))
        except ScheduleError as error:
            zh, en = f"{label.zh}：{error.zh}", f"{label.en}: {error.en}"
            raise ScheduleError(zh, en, column=error.column, field=field) from error
        if schedule.min < low or schedule.max > high or (integral and not schedule.is_integral):
            kind_zh, kind_en = ("整数", "integers") if integral else ("数", "numbers")
            raise InvalidRequest(
                f"{label.zh}应为 {low:g} 到 {high:g} 之间的{kind_zh}。",
                f"{label.en} must be {kind_en} from {low:g} to {high:g}.",
                field=field,
            )
        return schedule

    number = {"type": "integer" if integral else "number", "minimum": low, "maximum": high}
    schema = {"anyOf": [number, {"type": "string"}, {"type": "array", "items": number}]}
    return BeforeValidator(read), PlainSerializer(str, return_type=str), WithJsonSchema(schema)


Scale = Annotated[Schedule, *_schedule_field(0, 1e8)]
GuidanceScale = Annotated[Schedule, *_schedule_field(0, 100)]
Clamp = Annotated[Schedule, *_schedule_field(1e-6, 1e3)]
Count = Annotated[Schedule, *_schedule_field(1, 64, integral=True)]
Spacing = Annotated[Schedule, *_schedule_field(0.01, 100)]
StepInterval = Annotated[Schedule, *_schedule_field(1, 100, integral=True)]
CutoutCount = Annotated[Schedule, *_schedule_field(0, 256, integral=True)]
Power = Annotated[Schedule, *_schedule_field(0, 100)]
Fraction = Annotated[Schedule, *_schedule_field(0, 1)]
Switch = Annotated[Schedule, *_schedule_field(0, 1, integral=True), BeforeValidator(parse_bool)]
Flag = Annotated[bool, BeforeValidator(parse_bool)]
Size = Annotated[tuple[int, int], BeforeValidator(_parse_size), WithJsonSchema(_SIZE_SCHEMA)]
Prompts = Annotated[tuple[str, ...], BeforeValidator(_parse_prompts), WithJsonSchema(_PROMPTS_SCHEMA)]
ImageSource = Annotated[str | None, BeforeValidator(_parse_source)]
Upscale = Annotated[Factor, BeforeValidator(_parse_factor)]
ExtensionText = Annotated[str | None, BeforeValidator(_parse_extension)]
GridText = Annotated[str | None, BeforeValidator(read_grid), WithJsonSchema(_GRID_SCHEMA)]
References = Annotated[tuple[str, ...], BeforeValidator(_parse_references)]
PerlinMode = Annotated[Literal["mixed", "color", "gray"], BeforeValidator(_parse_perlin_mode)]
SavedFiles = Annotated[tuple[Saved, ...], BeforeValidator(_remove_duplicates), BeforeValidator(_split_words)]
Fractions = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], BeforeValidator(_split_words)]
Gigabytes = Annotated[float | None, BeforeValidator(_parse_gigabytes)]
Clips = Annotated[tuple[str, ...], BeforeValidator(_parse_clips)]
