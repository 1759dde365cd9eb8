"""Schedules: what is read, what is refused and where."""

from typing import Any

import pytest

from danqing.errors import ScheduleError
from danqing.schedule import ONE, Schedule, parse_schedule, respace_timesteps, zip_schedules


def test_the_original_schedule_reads_as_a_thousand_values() -> None:
    schedule = parse_schedule("[12]*400+[4]*600")
    assert len(schedule.values) == 1000
    assert (schedule.at(0), schedule.at(399), schedule.at(400), schedule.at(999)) == (12, 12, 4, 4)
    assert (schedule.min, schedule.max, schedule.is_integral) == (4, 12, True)


@pytest.mark.parametrize(
    ("source", "value"), [("0.5", 0.5), (" -3 ", -3), (7, 7), (0.25, 0.25), ("1e3", 1000), ("０.５", 0.5)]
)
def test_a_number_holds_for_the_whole_run(source: str | float, value: float) -> None:
    schedule = parse_schedule(source)
    assert schedule.values == (value,)
    assert schedule.at(0) == schedule.at(999) == value


@pytest.mark.parametrize(
    "source",
    ["[0.2]*400+[0]*600", "400*[1]+[2,3]*300", "([1]*2+[2]*3)*200", "［12］＊400＋［4］＊600", "[-1]*1000"],
)
def test_sums_products_and_brackets(source: str) -> None:
    assert len(parse_schedule(source).values) == 1000


def test_a_list_of_a_thousand_numbers() -> None:
    assert parse_schedule([1.5] * 1000) == parse_schedule("[1.5]*1000")


def test_the_text_of_a_schedule_is_the_shortest_that_reads_back() -> None:
    assert str(parse_schedule("[12]*200+[12]*200+[4]*600")) == "[12]*400+[4]*600"
    assert str(Schedule((0.05,))) == "0.05"
    restless = Schedule(tuple(1 / (number + 1) for number in range(1000)))
    assert parse_schedule(str(restless)) == restless
    assert str(parse_schedule("[1,0]*500")).startswith("[1,0,1,0,")


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("", 1),
        ("[1]*999", 1),
        ("[1]*400+[2]*601", 8),
        ("[1]*400+foo", 9),
        ("__import__('os').system('true')", 1),
        ("[1]*400+[x for x in []]", 10),
        ("[1]**1000", 5),
        ("[1]*500+2", 8),
        ("[[1]]*1000", 2),
        ("[1]*-5", 4),
        ("[1]*2.5", 4),
        ("[True]*1000", 2),
        ("9" * 400, 1),
        ("1e999", 1),
    ],
)
def test_anything_else_is_refused_with_its_column(source: str, column: int) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(source)
    assert caught.value.column == column
    assert str(column) in caught.value.zh


def test_a_huge_product_is_refused_before_it_is_made() -> None:
    with pytest.raises(ScheduleError, match="1000"):
        parse_schedule("[1]*1000*1000*1000*1000*1000*1000")
    with pytest.raises(ScheduleError, match="32001"):
        parse_schedule("1" * 32_001)


@pytest.mark.parametrize(
    "source", [True, [float("nan")] * 1000, float("inf"), "nan", "\0", "(" * 500, [None], ["1"] * 1000, [[1]]]
)
def test_values_that_are_no_numbers(source: Any) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(source)


def test_schedules_side_by_side() -> None:
    assert zip_schedules([ONE, Schedule((2.0,))]) == [(1.0, 2.0)]
    rows = zip_schedules([ONE, parse_schedule("[3]*400+[0]*600")])
    assert (len(rows), rows[0], rows[399], rows[400]) == (1000, (1.0, 3.0), (1.0, 3.0), (1.0, 0.0))


def test_steps_lie_as_far_apart_as_the_schedule_says() -> None:
    assert respace_timesteps(10, ONE) == tuple(range(0, 1000, 100))
    assert respace_timesteps(1000, ONE) == tuple(range(1000))
    assert respace_timesteps(80, parse_schedule("[3]*300+[1]*700")) == (*range(0, 700, 10), *range(700, 1000, 30))
    assert respace_timesteps(80, parse_schedule("[6]*300+[2]*700")) == respace_timesteps(
        80, parse_schedule("[3]*300+[1]*700")
    )


@pytest.mark.parametrize("text", ["[3]*300+[1]*700", "[1]*300+[3]*700", "[100]*1+[0.01]*998+[100]*1"])
@pytest.mark.parametrize("steps", [900, 1000])
def test_steps_never_fall_on_one_another(text: str, steps: int) -> None:
    times = respace_timesteps(steps, parse_schedule(text))
    assert len(set(times)) == steps
    assert times == tuple(sorted(times))
    assert times[0] == 0
    assert times[-1] < 1000
