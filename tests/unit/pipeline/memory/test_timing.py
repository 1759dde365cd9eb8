"""Durations estimated from counted FLOPs and a timed step."""

import pytest

from danqing.pipeline import Pipeline
from danqing.pipeline.memory.memory_plan import default_plan
from danqing.pipeline.memory.planner import MemoryPlanner, plan_run
from danqing.pipeline.memory.timing import plan_and_time
from danqing.pipeline.memory.usage import GIB
from tests.unit.pipeline.memory.contexts import run_context


def test_the_duration_is_added_to_the_estimate(tiny_pipeline: Pipeline) -> None:
    context = run_context(tiny_pipeline, steps=1000, size=(256, 256))
    plan, estimate = plan_and_time(context, None)
    assert plan == default_plan(context.request)
    assert estimate.seconds is not None
    assert estimate.step_seconds is not None
    assert 0 < estimate.step_seconds < estimate.seconds
    assert estimate.peak_activations == MemoryPlanner.of(context).select_plan()[1].peak_activations


@pytest.mark.parametrize("schedule", ["[0]*200+[100]*600+[0]*200", "[100]*200+[0]*800"])
def test_guidance_is_timed_in_a_step_that_is_guided(tiny_pipeline: Pipeline, schedule: str) -> None:
    context = run_context(tiny_pipeline, steps=4, clip_guidance_scale=schedule)
    step_seconds = plan_and_time(context, None)[1].step_seconds
    assert step_seconds is not None
    assert step_seconds < 1000


def test_nothing_is_estimated_if_memory_is_plentiful(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    context = run_context(tiny_pipeline)
    assert plan_run(context, None) == (default_plan(context.request), None)
    plan, estimate = plan_run(context, 64)
    assert plan == default_plan(context.request)
    assert estimate is not None
    assert estimate.limit is not None
    assert estimate.limit <= 64 * GIB
    needed = estimate.unloaded_weights + estimate.peak_activations
    monkeypatch.setattr("danqing.pipeline.memory.planner.memory_available", lambda _: needed)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert plan_run(context, None)[1] is not None
