"""Foreseeing time: counted operations, and a small step that is timed."""

import pytest

from danqing.pipeline import Pipeline
from danqing.pipeline.memory.plan import MemoryPlan, default_plan
from danqing.pipeline.memory.planner import MemoryPlanner
from danqing.pipeline.memory.timing import plan_run, with_duration
from danqing.pipeline.memory.usage import GIB

from .test_dry_run import run_context


def test_a_short_run_is_not_timed_and_a_plan_always_is(tiny_pipeline: Pipeline) -> None:
    planner = MemoryPlanner.of(run_context(tiny_pipeline))
    plan, forecast = planner.select_plan()
    assert with_duration(planner, plan, forecast).seconds is None
    known = with_duration(planner, plan, forecast, always=True)
    assert known.seconds is not None
    assert known.step_seconds is not None
    assert 0 < known.step_seconds < known.seconds
    assert known.memory == forecast.memory


def test_where_memory_abounds_nothing_is_worked_out(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    one = run_context(tiny_pipeline)
    assert plan_run(one, None) == (default_plan(one.request), None)
    plan, forecast = plan_run(one, 64)
    assert plan == default_plan(one.request)
    assert forecast is not None
    assert forecast.limit is not None
    assert forecast.limit <= 64 * GIB
    monkeypatch.setattr("danqing.pipeline.memory.planner.left", lambda _: forecast.unloaded_weights + forecast.peak_activations)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert plan_run(one, None)[1] is not None


def test_a_long_run_is_timed_by_a_small_step(tiny_pipeline: Pipeline) -> None:
    planner = MemoryPlanner.of(run_context(tiny_pipeline, steps=1000, size=(256, 256)))
    seconds = with_duration(planner, MemoryPlan(4), planner.forecast(MemoryPlan(4), planner.context.request)).seconds
    assert seconds is not None
    assert seconds > 0
