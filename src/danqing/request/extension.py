"""Parses extensions of the canvas such as "left:128,top:64" or "1024x768@left"."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from danqing.errors import InvalidRequest
from danqing.normalize import normalize_characters

MAX_MARGIN = 8192
"""Largest extension of one side in pixels."""

_SIDES = {
    "left": "left",
    "top": "top",
    "right": "right",
    "bottom": "bottom",
    "左": "left",
    "上": "top",
    "右": "right",
    "下": "bottom",
}
_ANCHORS = {"center": "center", "centre": "center", "中": "center", **_SIDES}
_MARGIN = re.compile(r"(\w{1,6})\s{0,4}[:=]\s{0,4}(\d{1,5})(?:px)?")
_TARGET = re.compile(r"(\d{1,5})\s{0,4}[xX*]\s{0,4}(\d{1,5})(?:\s{0,4}@\s{0,4}([\w-]{1,20}))?")


class Margins(NamedTuple):
    """Pixels that are added at each side of a picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def grown(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height of a picture of this size with the margins."""
        return size[0] + self.left + self.right, size[1] + self.top + self.bottom


@dataclass(frozen=True, slots=True)
class Extension:
    """Margins, or the size of the canvas and the place of the picture on it.

    Attributes:
        margins: pixels to add; None if `target` is given.
        target: width and height of the canvas.
        anchors: sides of the canvas that the picture touches; where it touches neither, it is in the middle.
    """

    margins: Margins | None
    target: tuple[int, int] = (0, 0)
    anchors: frozenset[str] = frozenset()

    def margins_of(self, size: tuple[int, int]) -> Margins:
        """Return the margins of a picture.

        Args:
            size: width and height of the picture.
        Raises:
            InvalidRequest: the canvas would not be larger than the picture.
        """
        if self.margins is not None:
            return self.margins
        extra = (self.target[0] - size[0], self.target[1] - size[1])
        if min(extra) < 0 or extra == (0, 0):
            given, picture = "x".join(map(str, self.target)), "x".join(map(str, size))
            raise _error(
                f"画布 {given} 不大于底图 {picture}。请给出更大的画布，或用尺寸缩小底图后再扩展。",
                f"The canvas {given} is not larger than the initial image of {picture}. Give a larger canvas.",
            )
        left = _first_margin(extra[0], "left" in self.anchors, "right" in self.anchors)
        top = _first_margin(extra[1], "top" in self.anchors, "bottom" in self.anchors)
        return Margins(left, top, extra[0] - left, extra[1] - top)


def parse_extension(source: str) -> Extension:
    """Parse "left:128,top:64", or the size of the canvas and an anchor such as "1024x768@left" or "1024x768@top-left".

    Args:
        source: may use full-width characters, and 左, 上, 右, 下, 中 for the sides and the middle.
    Raises:
        InvalidRequest: it is neither, names a side twice, or extends nothing.
    """
    text = normalize_characters(source[:200]).strip()
    target = _TARGET.fullmatch(text)
    if target is not None:
        anchors = frozenset(_anchors(target[3] or "center", source))
        return Extension(None, (int(target[1]), int(target[2])), anchors)
    margins: dict[str, int] = {}
    for part in filter(None, map(str.strip, re.split(r"[,;、]", text))):
        match = _MARGIN.fullmatch(part)
        side = _SIDES.get(match[1].lower()) if match else None
        if match is None or side is None or side in margins:
            raise _syntax_error(source)
        margins[side] = int(match[2])
    if not any(margins.values()) or max(margins.values()) > MAX_MARGIN:
        raise _error(
            f"每边扩展 0 到 {MAX_MARGIN} 像素，至少一边大于 0，例如 right:128。",
            f"Extend each side by 0 to {MAX_MARGIN} pixels, at least one of them by more than 0, for example right:128.",
        )
    return Extension(Margins(**margins))


def _first_margin(extra: int, at_start: bool, at_end: bool) -> int:
    """Return the pixels before the picture along one axis."""
    if at_start == at_end:
        return extra // 2
    return 0 if at_start else extra


def _anchors(text: str, source: str) -> list[str]:
    names = [_ANCHORS.get(part) for part in (text.lower().split("-") if text.isascii() else text)]
    found = [name for name in names if name is not None]
    if len(found) != len(names):
        raise _syntax_error(source)
    return found


def _syntax_error(source: str) -> InvalidRequest:
    return _error(
        f"扩展“{source[:40]}”的写法无效。请写成 left:128,top:64，或 1024x768@left。",
        f"Invalid extension {source[:40]!r}. Write left:128,top:64 or 1024x768@left.",
    )


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh, en, field="extend")
