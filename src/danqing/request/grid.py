"""The grid of a request: two of its fields take several values each, and one picture is painted for every combination.

    steps=10|20|40; style=油画|水墨画

The first field varies along the columns, the second, which may be missing, along the rows. All pictures have the same seed
unless it is one of the fields.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import cast

from danqing.errors import InvalidRequest
from danqing.request.labels import field_label

MAX_PICTURES = 64
"""Maximum number of pictures of a grid; a service allows fewer."""
MAX_TEXT = 2000
"""Maximum number of characters of a grid."""
FIELDS = (
    *(
        "style",
        "artist",
        "prompts",
        "seed",
        "steps",
        "guidance_scale",
        "clip_guidance_scale",
        "strength",
        "sampler",
        "eta",
    ),
    *("sketches", "recurrence", "refine", "spacing", "skip_steps", "jitter", "symmetry", "perlin_mode", "init_scale"),
    *("tv_scale", "range_scale", "sat_scale", "clamp_max", "guidance_every", "guide_through", "cutn_batches"),
    *("cut_overview", "cut_innercut", "cut_ic_pow", "cut_icgray_p", "cut_focus", "rand_mag"),
)
"""Fields that may vary. Those that change the canvas, the model or the defaults of others may not."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A field and the values that it takes, as texts."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The columns and the rows of a grid; without a second field there is one row."""

    columns: Axis
    rows: Axis | None = None

    def cells(self) -> tuple[dict[str, str], ...]:
        """Return the values of the fields for each picture, row by row."""
        across = [{self.columns.field: value} for value in self.columns.values]
        down: list[dict[str, str]] = (
            [{}] if self.rows is None else [{self.rows.field: value} for value in self.rows.values]
        )
        return tuple({**column, **row} for row, column in product(down, across))


def parse_grid(text: str) -> Grid:
    """Parse the text of a grid; full-width punctuation is accepted.

    Raises:
        InvalidRequest: it is not a grid, a field cannot vary, or there are too many pictures.
    """
    if len(text) > MAX_TEXT:
        raise InvalidRequest(
            f"对照表的文字超过 {MAX_TEXT} 个字。请少选几个值。",
            f"The text of the grid has more than {MAX_TEXT} characters. Choose fewer values.",
            field="grid",
        )
    axes = [_parse_axis(part) for part in re.split(r"[;；]", text) if part.strip()]
    if not 1 <= len(axes) <= 2 or len({axis.field for axis in axes}) != len(axes):
        raise _invalid()
    grid = Grid(*axes)
    count = len(grid.cells())
    if count > MAX_PICTURES:
        raise InvalidRequest(
            f"对照表有 {count} 幅画，最多 {MAX_PICTURES} 幅。请少选几个值。",
            f"The grid has {count} pictures; the maximum is {MAX_PICTURES}. Choose fewer values.",
            field="grid",
        )
    return grid


def read_grid(value: object) -> object:
    """Return the text of a grid from a text or from a mapping such as {"steps": [10, 20]}; other values are returned unchanged.

    Raises:
        InvalidRequest: as for `parse_grid`.
    """
    if isinstance(value, Mapping):
        axes = cast("Mapping[object, object]", value).items()
        value = "; ".join(f"{field}={'|'.join(_texts(values))}" for field, values in axes)
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    grid = parse_grid(value)
    axes = [grid.columns] if grid.rows is None else [grid.columns, grid.rows]
    return "; ".join(f"{axis.field}={'|'.join(axis.values)}" for axis in axes)


def _texts(values: object) -> list[str]:
    if not isinstance(values, list | tuple):
        raise _invalid()
    return [str(value) for value in cast("list[object]", values)]


def _parse_axis(text: str) -> Axis:
    name, equals, values = re.sub(r"＝", "=", text, count=1).partition("=")
    field = name.strip().replace("-", "_")
    parts = tuple(dict.fromkeys(part.strip() for part in re.split(r"[|｜]", values) if part.strip()))
    if not equals or not parts:
        raise _invalid()
    if field not in FIELDS:
        label = field_label(field[:40])
        raise InvalidRequest(
            f"对照表里不能改“{label.zh}”。可以改的有：{'、'.join(FIELDS)}。",
            f"A grid cannot vary {label.en!r}. It can vary: {', '.join(FIELDS)}.",
            field="grid",
        )
    return Axis(field, parts)


def _invalid() -> InvalidRequest:
    return InvalidRequest(
        "对照表的写法是 参数=值|值; 参数=值|值，一个或两个参数，例如 steps=10|20; style=油画|水墨画。",
        "Write a grid as FIELD=VALUE|VALUE; FIELD=VALUE|VALUE with one or two fields, for example steps=10|20; eta=0|1.",
        field="grid",
    )
