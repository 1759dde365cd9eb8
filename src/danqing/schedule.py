"""Parameter schedules: values that change along a run, such as "[12]*400+[4]*600", and the timesteps of its steps."""

import re
import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import NamedTuple

from danqing.errors import ScheduleError
from danqing.normalize import normalize_characters

SCHEDULE_LENGTH = 1000
"""Entries of a full schedule: one for each of the model's 1000 timesteps, index 0 the noisiest."""

MAX_TEXT = 32_000
"""Maximum length of a schedule text in characters; 1000 numbers with all their digits are shorter."""

ScheduleInput = float | str | Sequence[float]
"""A schedule as given by a caller: a number, a text such as "[12]*400+[4]*600", or 1000 numbers."""

_MAX_RUNS = 50  # a schedule with more runs of equal values is written as a list
_MAX_VALUE = 1e12


@dataclass(frozen=True, slots=True)
class Schedule:
    """A value for each timestep: one for the whole run, or 1000, index 0 the noisiest."""

    values: tuple[float, ...]

    def at(self, index: int) -> float:
        """Return the value at `index`, 0..999, 0 the noisiest."""
        return self.values[0] if len(self.values) == 1 else self.values[index]

    @property
    def min(self) -> float:
        """The smallest value."""
        return min(self.values)

    @property
    def max(self) -> float:
        """The largest value."""
        return max(self.values)

    @property
    def is_integral(self) -> bool:
        """True if every value is an integer."""
        return all(v == int(v) for v in self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return _number(self.values[0])
        runs = [(value, len(list(group))) for value, group in groupby(self.values)]
        if len(runs) > _MAX_RUNS:
            return f"[{','.join(_number(value) for value in self.values)}]"
        return "+".join(f"[{_number(value)}]*{count}" for value, count in runs)


ONE = Schedule((1.0,))
"""1 for the whole run."""


def zip_schedules(schedules: Sequence[Schedule]) -> list[tuple[float, ...]]:
    """Return the values of several schedules side by side: 1000 rows, or one if all are constant."""
    rows = max((len(schedule.values) for schedule in schedules), default=1)
    return [tuple(schedule.at(i) for schedule in schedules) for i in range(rows)]


def respace_timesteps(steps: int, spacing: Schedule) -> tuple[float, ...]:
    """Return the model's timestep at each step of a run, the cleanest first, with strides proportional to `spacing`.

    Args:
        steps: number of steps; at most 1000 unless `spacing` is constant.
        spacing: positive numbers.
    Returns:
        distinct timesteps in 0..999. They are integers unless `spacing` is constant and 1000 is not a multiple of
        `steps`. Where fewer than the requested timesteps exist, the others move towards the noise.
    Source:
        constant spacing: guided-diffusion's "ddimN" respacing of (1000 // N) * N betas (tests/golden).
    """
    if spacing.min == spacing.max:
        stride = max(1, SCHEDULE_LENGTH // steps)
        # The networks were trained with this product in float32; its integer part is the index into schedules.
        rescale = _float32(SCHEDULE_LENGTH / (stride * steps))
        return tuple(_float32(i * rescale) for i in range(0, stride * steps, stride))
    density = [1 / spacing.at(SCHEDULE_LENGTH - 1 - timestep) for timestep in range(SCHEDULE_LENGTH)]
    sums = list(accumulate(density, initial=0.0))
    tolerance = 1e-9 * sums[-1]  # sums of thirds are not exact
    timesteps: list[int] = []
    for number in range(steps):
        target = number * sums[-1] / steps - tolerance
        timestep = max(bisect_left(sums, target), timesteps[-1] + 1 if timesteps else 0)
        timesteps.append(min(timestep, SCHEDULE_LENGTH - steps + number))
    return tuple(map(float, timesteps))


def schedule_index(timestep: float) -> int:
    """Return the index into a schedule of a timestep 0..999: 0 the noisiest, 999 the cleanest."""
    return SCHEDULE_LENGTH - 1 - int(timestep)


def parse_schedule(source: "str | float | Sequence[float] | Schedule") -> Schedule:
    """Parse a schedule from a number, 1000 numbers, or a text such as "[12]*400+[4]*600" or "0.5".

    Args:
        source: a text may use full-width digits and signs. Parsing takes time linear in its length.
    Returns:
        the schedule; its `str` is the shortest text that parses to the same values.
    Raises:
        ScheduleError: `source` is invalid; `column` is the position of the problem.
    """
    if isinstance(source, Schedule):
        return source
    if isinstance(source, str):
        return _check_length(_parse_text(source))
    if isinstance(source, bool):
        raise ScheduleError("这里要填数字，不能填 true 或 false。", "Expected a number, not true or false.", column=1)
    if isinstance(source, int | float):
        return Schedule((_finite(source, 1),))
    if len(source) != SCHEDULE_LENGTH:
        raise _wrong_length(len(source), 1)
    return Schedule(tuple(_finite(v, i + 1) for i, v in enumerate(source)))


class _Token(NamedTuple):
    text: str
    column: int


_TOKEN = re.compile(r"\s*(?:((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)|([-+*,()\[\]]))")
_PRECEDENCE = {"+": 1, "*": 2}
_Value = list[float] | float


def _tokenize(source: str) -> Iterator[_Token]:
    text = normalize_characters(source).rstrip()
    end = 0
    while end < len(text):
        match = _TOKEN.match(text, end)
        if match is None:
            raise _invalid(end + len(text[end:]) - len(text[end:].lstrip()) + 1)
        end = match.end()
        yield _Token(match[1] or match[2], end - len(match[1] or match[2]) + 1)
    yield _Token("", len(text) + 1)


def _parse_text(source: str) -> _Value:
    """Evaluate sums and products of lists and numbers with two stacks (shunting-yard), without recursion."""
    if len(source) > MAX_TEXT:
        raise ScheduleError(
            f"日程太长：{len(source)} 个字符，最多 {MAX_TEXT} 个。请写成 [12]*400+[4]*600 的形式。",
            f"The schedule has {len(source)} characters; the maximum is {MAX_TEXT}. Write it like [12]*400+[4]*600.",
            column=MAX_TEXT + 1,
        )
    tokens = _tokenize(source)
    values: list[_Value] = []
    operators: list[_Token] = []
    for token in tokens:
        if token.text == "(":
            operators.append(token)
            continue
        values.append(_parse_list(tokens) if token.text == "[" else _parse_number(token, tokens))
        token = next(tokens)
        while token.text == ")":
            _reduce(values, operators, 0)
            if not operators:
                raise _invalid(token.column)
            operators.pop()
            token = next(tokens)
        if token.text == "":
            break
        if token.text not in _PRECEDENCE:
            raise _invalid(token.column)
        _reduce(values, operators, _PRECEDENCE[token.text])
        operators.append(token)
    _reduce(values, operators, 0)
    if operators:  # a parenthesis is not closed
        raise _invalid(operators[-1].column)
    return values[0]


def _parse_number(token: _Token, tokens: Iterator[_Token]) -> float:
    """Parse a number whose first token, a sign or its digits, has been read."""
    sign, number = (token.text, next(tokens)) if token.text in ("-", "+") else ("", token)
    if number.text[:1] not in (*"0123456789.",):
        raise _invalid(number.column)
    value = _finite(float(number.text), number.column)
    return -value if sign == "-" else value


def _parse_list(tokens: Iterator[_Token]) -> list[float]:
    """Parse the numbers of a list whose opening bracket has been read."""
    items: list[float] = []
    for token in tokens:
        if token.text == "]":
            break
        items.append(_parse_number(token, tokens))
        token = next(tokens)
        if token.text == "]":
            break
        if token.text != ",":
            raise _invalid(token.column)
    return items


def _reduce(values: list[_Value], operators: list[_Token], precedence: int) -> None:
    """Apply the operators on the stack that bind at least as tightly, down to an open parenthesis."""
    while operators and operators[-1].text != "(" and _PRECEDENCE[operators[-1].text] >= precedence:
        operator, right, left = operators.pop(), values.pop(), values.pop()
        values.append((_concatenate if operator.text == "+" else _repeat)(left, right, operator.column))


def _concatenate(left: _Value, right: _Value, column: int) -> list[float]:
    if not isinstance(left, list) or not isinstance(right, list):
        raise _invalid(column)
    left.extend(right)
    if len(left) > SCHEDULE_LENGTH:
        raise _wrong_length(len(left), column)
    return left


def _repeat(left: _Value, right: _Value, column: int) -> list[float]:
    items, count = (left, right) if isinstance(left, list) else (right, left)
    if not isinstance(items, list) or isinstance(count, list) or count != int(count) or count < 0:
        raise _invalid(column)
    if len(items) * count > SCHEDULE_LENGTH:
        raise _wrong_length(int(len(items) * count), column)
    return items * int(count)


def _check_length(values: _Value) -> Schedule:
    if not isinstance(values, list):
        return Schedule((values,))
    if len(values) != SCHEDULE_LENGTH:
        raise _wrong_length(len(values), 1)
    return Schedule(tuple(values))


def _finite(value: object, column: int) -> float:
    # An int of 400 digits overflows float().
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_VALUE:
        raise _invalid(column)
    return float(value)


def _float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _invalid(column: int) -> ScheduleError:
    return ScheduleError(
        f"日程第 {column} 列有语法错误。请填一个数（如 0.5），或共 {SCHEDULE_LENGTH} 项的列表（如 [12]*400+[4]*600）。",
        f"Invalid schedule at column {column}. Enter a number (0.5) or a list of {SCHEDULE_LENGTH} values "
        "([12]*400+[4]*600).",
        column=column,
    )


def _wrong_length(length: int, column: int) -> ScheduleError:
    return ScheduleError(
        f"日程有 {length} 项，应为 {SCHEDULE_LENGTH} 项（第 {column} 列）。例如 [12]*400+[4]*600。",
        f"The schedule has {length} values; it needs exactly {SCHEDULE_LENGTH} (column {column}). "
        "Example: [12]*400+[4]*600.",
        column=column,
    )
