"""Options of finishing: the choices, their English names, and the dataclass of all options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from danqing.errors import InvalidRequest

Place = Literal["auto", "右上", "左上", "右下", "左下"]
Writing = Literal["auto", "竖排", "横排"]
SealStyle = Literal["朱文", "白文"]
SealShape = Literal["auto", "方形", "长方", "圆形", "椭圆", "葫芦"]
SealOrder = Literal["直读", "回文"]
Mount = Literal["立轴", "横披", "斗方", "册页", "扇面", "长卷"]
CanvasFormat = Mount

MAX_CHARACTERS = 4
"""Largest number of characters of a seal."""
CANVAS_RATIOS: Mapping[CanvasFormat, float] = {
    "立轴": 1 / 2,
    "横披": 2,
    "斗方": 1,
    "册页": 3 / 2,
    "扇面": 3,
    "长卷": 4,
}
"""Width divided by height of a canvas: sheets of 四尺 paper (138 x 69 cm), whole, halved lengthwise (长卷), halved (斗方) and
cut in three (册页); the panel of a fan of 140 degrees."""
MAX_CANVAS = 1_500_000
"""Largest area of a canvas that a format selects, in pixels."""

ENGLISH: Mapping[str, Mapping[str, str]] = {
    "inscription_place": {
        "top-right": "右上",
        "top-left": "左上",
        "bottom-right": "右下",
        "bottom-left": "左下",
    },
    "writing": {"vertical": "竖排", "horizontal": "横排"},
    "seal_style": {"red": "朱文", "white": "白文"},
    "seal_shape": {"square": "方形", "tall": "长方", "round": "圆形", "oval": "椭圆", "gourd": "葫芦"},
    "seal_order": {"columns": "直读", "rotated": "回文"},
    "mount": {
        "hanging-scroll": "立轴",
        "horizontal-scroll": "横披",
        "square": "斗方",
        "album-leaf": "册页",
        "fan": "扇面",
        "handscroll": "长卷",
    },
}
"""English names of the choices, by field; those of `format` are those of `mount`."""


_PICTURE = re.compile(r"data:|https?://|.*[/\\]|.*\.(?:png|jpe?g|webp)$", re.IGNORECASE | re.DOTALL)


def is_picture(seal: str) -> bool:
    """True if a seal is given as the path, URL or data URI of a picture instead of characters."""
    return _PICTURE.match(seal) is not None


def from_english(field: str, value: str) -> str:
    """Return the choice with this English name, or the value itself."""
    return ENGLISH.get("mount" if field == "format" else field, {}).get(
        value.strip().lower().replace(" ", "-"), value.strip()
    )


def to_english(field: str, choice: str) -> str:
    """Return the English name of a choice; the choice itself if it has none."""
    names = ENGLISH.get("mount" if field == "format" else field, {})
    return next((english for english, chinese in names.items() if chinese == choice), choice)


@dataclass(frozen=True, slots=True)
class FinishOptions:
    """Inscription, seal and mount of a picture. The fields have the names of those of `Request`; see `finish` for their meaning."""

    inscription: str | None = None
    signature: str | None = None
    inscription_place: Place = "auto"
    writing: Writing = "auto"
    font: str = "auto"
    seal: str | None = None
    seal_style: SealStyle = "朱文"
    seal_shape: SealShape = "auto"
    seal_order: SealOrder = "直读"
    mount: Mount | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing is added to the picture."""
        return not (self.inscription or self.signature or self.seal or self.mount)


def read_options(values: Mapping[str, str]) -> FinishOptions:
    """Return options from texts, with Chinese or English names of the choices.

    Raises:
        InvalidRequest: a choice does not exist.
    """
    read = {name: from_english(name, value) for name, value in values.items()}
    hints = get_type_hints(FinishOptions)
    for name, value in read.items():
        choices = _choices(hints[name])
        if choices and value not in choices:
            known = "、".join(choices), ", ".join((*choices, *ENGLISH[name]))
            raise InvalidRequest(
                f"“{value[:20]}”无效，可选：{known[0]}。",
                f"{value[:20]!r} is invalid; choose from {known[1]}.",
                field=name,
            )
    return FinishOptions(**cast("dict[str, Any]", read))


def _choices(annotation: object) -> tuple[str, ...]:
    """Return the values of a Literal, which may be optional; empty for other types."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((get_args(part) for part in get_args(annotation) if get_origin(part) is Literal), ())


def canvas_size(canvas: CanvasFormat, size: tuple[int, int], *, multiple: int) -> tuple[int, int]:
    """Return the canvas of a format that suits a model.

    Args:
        canvas: the format.
        size: default canvas of the model; its short side becomes that of the new canvas, unless the area exceeds `MAX_CANVAS`.
        multiple: unit of both sides in pixels.
    Returns:
        width and height.
    """
    ratio = CANVAS_RATIOS[canvas]
    stretch = max(ratio, 1 / ratio)
    short = min(min(size), int((MAX_CANVAS / stretch) ** 0.5))
    units = max(1, short // multiple)
    sides = units * multiple, max(1, round(units * stretch)) * multiple
    return sides if ratio < 1 else (sides[1], sides[0])
