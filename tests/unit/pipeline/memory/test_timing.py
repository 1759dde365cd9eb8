"""Foreseeing time: counted operations, and a small step that is timed."""

import pytest

from danqing.pipeline import Pipeline
from danqing.pipeline.memory.plan import Plan, usual
from danqing.pipeline.memory.planner import Planner
from danqing.pipeline.memory.timing import arrange, timed
from danqing.pipeline.memory.usage import GIB

from .test_dry_run import cast


def test_a_short_run_is_not_timed_and_a_plan_always_is(tiny_pipeline: Pipeline) -> None:
    planner = Planner.of(cast(tiny_pipeline))
    plan, forecast = planner.choose()
    assert timed(planner, plan, forecast).seconds is None
    known = timed(planner, plan, forecast, always=True)
    assert known.seconds is not None
    assert known.step_seconds is not None
    assert 0 < known.step_seconds < known.seconds
    assert known.memory == forecast.memory


def test_where_memory_abounds_nothing_is_worked_out(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    one = cast(tiny_pipeline)
    assert arrange(one, None) == (usual(one.request), None)
    plan, forecast = arrange(one, 64)
    assert plan == usual(one.request)
    assert forecast is not None
    assert forecast.limit is not None
    assert forecast.limit <= 64 * GIB
    monkeypatch.setattr("danqing.pipeline.memory.planner.left", lambda _: forecast.weights + forecast.work)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert arrange(one, None)[1] is not None


def test_a_long_run_is_timed_by_a_small_step(tiny_pipeline: Pipeline) -> None:
    planner = Planner.of(cast(tiny_pipeline, steps=1000, size=(256, 256)))
    seconds = timed(planner, Plan(4), planner.forecast(Plan(4), planner.cast.request)).seconds
    assert seconds is not None
    assert seconds > 0
