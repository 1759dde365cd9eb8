"""Whatever is typed: schedules and prompts are read exactly or refused with a clear error, never anything else."""

import ast
import re

from hypothesis import given
from hypothesis import strategies as st

from danqing.errors import DanqingError, ScheduleError
from danqing.prompt import parse_prompt
from danqing.schedule import SCHEDULE_LENGTH, Schedule, parse_schedule

_numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: v + 0.0) | st.integers(-1000, 1000).map(float)


@given(st.text(alphabet="[]()+*-.,0123456789e 12foo_'\"“：\0", max_size=60) | st.text(max_size=40))
def test_any_text_is_a_schedule_or_a_schedule_error(text: str) -> None:
    column = 0
    try:
        assert len(parse_schedule(text).values) in (1, SCHEDULE_LENGTH)
    except ScheduleError as error:
        column = error.column
    assert 0 <= column <= len(text) + 1


@given(st.lists(st.tuples(_numbers, st.integers(1, 400)), min_size=1, max_size=5))
def test_a_schedule_reads_back_from_its_own_text(runs: list[tuple[float, int]]) -> None:
    values = [value for value, count in runs for _ in range(count)]
    values = (values * SCHEDULE_LENGTH)[:SCHEDULE_LENGTH]
    schedule = Schedule(tuple(values))
    text = str(schedule)
    if len(text) <= 1000:
        assert parse_schedule(text).values == schedule.values


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 999)), min_size=1, max_size=4))
def test_sums_of_runs_mean_what_python_would_mean(runs: list[tuple[int, int]]) -> None:
    rest = SCHEDULE_LENGTH - sum(count for _, count in runs)
    if rest <= 0:
        return
    text = "+".join(f"[{value}]*{count}" for value, count in [*runs, (7, rest)])
    expected = [value for value, count in [*runs, (7, rest)] for _ in range(count)]
    assert list(parse_schedule(text).values) == expected
    assert ast.parse(text)


@given(st.text(max_size=60))
def test_any_sentence_is_read_or_refused(text: str) -> None:
    try:
        prompts = parse_prompt(text)
    except DanqingError:
        return
    assert all(prompt.text for prompt in prompts)
    assert all(prompt.text in re.sub(r"\\([:：])", r"\1", text) for prompt in prompts)


@given(st.text(alphabet="山水画孤舟，。:： ", min_size=1, max_size=20), st.floats(-20, 20, allow_nan=False))
def test_a_weight_behind_any_sentence_is_found(text: str, weight: float) -> None:
    if not text.strip() or text.endswith((":", "：")):  # two colons separate a weight, too
        return
    (prompt,) = parse_prompt(f"{text}：{weight:.3f}")
    assert prompt.text == text.strip()
    assert prompt.weight.values == (float(f"{weight:.3f}"),)
