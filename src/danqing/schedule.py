"""Numbers that change along a run: "[12]*400+[4]*600" read by a walk over its syntax tree, never evaluated."""

import ast
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from danqing.errors import ScheduleError

SCHEDULE_LENGTH = 1000
"""Entries of a full schedule: one for each of the 1000 model times, index 0 the noisiest."""

MAX_TEXT = 32_000
"""Longest schedule text that is read, in characters; a list of 1000 numbers with all their digits is shorter."""

_RUNS = 50  # a schedule with more stretches of equal values is written as a list


@dataclass(frozen=True, slots=True)
class Schedule:
    """A number for every model time: one value for the whole run, or 1000 of them, index 0 the noisiest."""

    values: tuple[float, ...]

    def at(self, index: int) -> float:
        """The value at `index` 0..999, 0 being the noisiest moment of the run."""
        return self.values[0] if len(self.values) == 1 else self.values[index]

    @property
    def min(self) -> float:
        """The smallest value anywhere in the run."""
        return min(self.values)

    @property
    def max(self) -> float:
        """The largest value anywhere in the run."""
        return max(self.values)

    @property
    def is_integral(self) -> bool:
        """Whether every value is a whole number."""
        return all(v == int(v) for v in self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return _number(self.values[0])
        runs = [(value, len(list(group))) for value, group in groupby(self.values)]
        if len(runs) > _RUNS:
            return f"[{','.join(_number(value) for value in self.values)}]"
        return "+".join(f"[{_number(value)}]*{count}" for value, count in runs)


ONE = Schedule((1.0,))
"""1 for the whole run."""


def zip_schedules(schedules: Sequence[Schedule]) -> list[tuple[float, ...]]:
    """The values of several schedules at each moment: 1000 rows, or one where none of them changes."""
    moments = max((len(schedule.values) for schedule in schedules), default=1)
    return [tuple(schedule.at(i) for schedule in schedules) for i in range(moments)]


def respace_timesteps(steps: int, spacing: Schedule) -> tuple[int, ...]:
    """Model times of the steps of a run, the cleanest first; they lie as far apart as `spacing` says, in proportion.

    Args:
        steps: how many, at most `LENGTH`.
        spacing: positive numbers.
    Returns:
        whole times, all different; where there are fewer than steps wanted there, the others move on towards the noise.
    """
    density = [1 / spacing.at(SCHEDULE_LENGTH - 1 - tau) for tau in range(SCHEDULE_LENGTH)]
    before = list(accumulate(density, initial=0.0))
    tiny = 1e-9 * before[-1]  # sums of thirds are not quite whole
    times: list[int] = []
    for number in range(steps):
        time = max(bisect_left(before, number * before[-1] / steps - tiny), times[-1] + 1 if times else 0)
        times.append(min(time, SCHEDULE_LENGTH - steps + number))
    return tuple(times)


def schedule_index(timestep: float) -> int:
    """Return the index into a schedule of a timestep 0..999: 0 the noisiest, 999 the cleanest."""
    return SCHEDULE_LENGTH - 1 - int(timestep)


def parse_schedule(source: "str | float | Sequence[float] | Schedule") -> Schedule:
    """Read a schedule from a number, 1000 numbers, or a text such as "[12]*400+[4]*600" or "0.5".

    Args:
        source: full-width digits and signs are understood too.
    Returns:
        the schedule; its `str` is the shortest text that reads back as the same values.
    Raises:
        ScheduleError: anything else, with the column where reading stopped.
    """
    if isinstance(source, Schedule):
        return source
    if isinstance(source, str):
        return _check_length(_parse_text(source))
    if isinstance(source, bool):
        raise ScheduleError("这里要数字，不是真假值。", "A number is needed here, not a truth value.", column=1)
    if isinstance(source, int | float):
        return Schedule((_finite(source, 1),))
    return _check_length([_finite(v, i + 1) for i, v in enumerate(source)])


def _parse_text(source: str) -> list[float] | float:
    text = unicodedata.normalize("NFKC", source).strip()
    if len(source) > MAX_TEXT:
        raise ScheduleError(
            f"日程太长：{len(source)} 个字符，最多 {MAX_TEXT} 个。请写成 [12]*400+[4]*600 的样子。",
            f"The schedule has {len(source)} characters, at most {MAX_TEXT} are read. Write it like [12]*400+[4]*600.",
            column=MAX_TEXT + 1,
        )
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _unreadable(getattr(error, "offset", None) or 1) from error
    return _walk(tree.body, text)


def _walk(node: ast.expr, text: str) -> list[float] | float:
    column = len(text.encode()[: node.col_offset].decode(errors="ignore")) + 1
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _finite(value, column)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -_finite(value, column)
        case ast.List(elts=elements):
            items = [_walk(element, text) for element in elements]
            if any(isinstance(item, list) for item in items):
                raise _unreadable(column)
            return [item for item in items if not isinstance(item, list)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _join(_walk(left, text), _walk(right, text), column)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _repeat(_walk(left, text), _walk(right, text), column)
        case _:
            raise _unreadable(column)


def _join(left: list[float] | float, right: list[float] | float, column: int) -> list[float]:
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    raise _unreadable(column)


def _repeat(left: list[float] | float, right: list[float] | float, column: int) -> list[float]:
    items, count = (left, right) if isinstance(left, list) else (right, left)
    if not isinstance(items, list) or isinstance(count, list) or count != int(count) or count < 0:
        raise _unreadable(column)
    if len(items) * count > SCHEDULE_LENGTH:
        raise _wrong_length(int(len(items) * count), column)
    return items * int(count)


def _check_length(values: list[float] | float) -> Schedule:
    if not isinstance(values, list):
        return Schedule((values,))
    if len(values) != SCHEDULE_LENGTH:
        raise _wrong_length(len(values), 1)
    return Schedule(tuple(values))


def _finite(value: object, column: int) -> float:
    # A whole number of 400 digits overflows float(); it is no more usable than an infinity.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e12:
        raise _unreadable(column)
    return float(value)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _unreadable(column: int) -> ScheduleError:
    return ScheduleError(
        f"日程第 {column} 列看不懂。可以写一个数（0.5），或凑满 {SCHEDULE_LENGTH} 项的列表（[12]*400+[4]*600）。",
        f"The schedule cannot be read at column {column}. Write one number (0.5) or a list of {SCHEDULE_LENGTH} entries "
        "([12]*400+[4]*600).",
        column=column,
    )


def _wrong_length(length: int, column: int) -> ScheduleError:
    return ScheduleError(
        f"日程有 {length} 项，应当正好 {SCHEDULE_LENGTH} 项（第 {column} 列）。例如 [12]*400+[4]*600。",
        f"The schedule has {length} entries, it needs exactly {SCHEDULE_LENGTH} (column {column}). For example [12]*400+[4]*600.",
        column=column,
    )
