"""Foreseeing memory: the quickest plan that fits, and a refusal that says what would."""

import re
from dataclasses import replace
from itertools import islice

import pytest
import torch

from danqing.errors import OutOfMemory
from danqing.events import MemoryReduced, Started
from danqing.pipeline import Pipeline
from danqing.pipeline.memory.dry_run import StepShape
from danqing.pipeline.memory.plan import MemoryPlan, default_plan
from danqing.pipeline.memory.planner import MemoryPlanner, group_steps
from danqing.pipeline.memory.usage import GIB
from danqing.request import read_request

from .test_dry_run import run_context

MANY: dict[str, object] = {"cut_overview": 256, "cut_innercut": 256}


def planner(pipeline: Pipeline, memory: float | None = None, **changes: object) -> MemoryPlanner:
    return MemoryPlanner.of(run_context(pipeline, **changes), memory)


def needed(pipeline: Pipeline, plan: MemoryPlan, **changes: object) -> float:
    """GiB of a plan, and a little more."""
    one = MemoryPlanner.of(run_context(pipeline, **changes))
    return (one.forecast(plan, one.context.request).memory + 1) / GIB


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose own memory stands still."""
    monkeypatch.setattr("danqing.pipeline.memory.planner.held", lambda _: GIB)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    monkeypatch.setattr("danqing.pipeline.memory.planner.unread", lambda _: 0)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]


def test_with_memory_enough_everything_is_usual(tiny_pipeline: Pipeline) -> None:
    plan, forecast = planner(tiny_pipeline).select_plan()
    assert plan == default_plan(run_context(tiny_pipeline).request)
    assert forecast.fits
    assert forecast.memory == forecast.in_use + forecast.unloaded_weights + forecast.peak_activations
    assert forecast.limit is not None
    assert forecast.limit > forecast.in_use


@pytest.mark.usefixtures("still")
def test_where_memory_is_short_the_quickest_plan_that_fits_is_taken(tiny_pipeline: Pipeline) -> None:
    plans = list(planner(tiny_pipeline).plans(run_context(tiny_pipeline, **MANY).request))
    assert plans[:2] == [MemoryPlan(512), MemoryPlan(512, eager_free=True)]
    assert plans[-1] == MemoryPlan(1, eager_free=True)
    for plan in plans[:3]:
        assert planner(tiny_pipeline, needed(tiny_pipeline, plan, **MANY), **MANY).select_plan()[0] == plan


@pytest.mark.usefixtures("still")
def test_what_does_not_fit_is_refused_with_what_would(tiny_pipeline: Pipeline) -> None:
    small: dict[str, object] = {"size": (128, 128), "cut_overview": 1, "cut_innercut": 0, "use_secondary": 0}
    memory = needed(tiny_pipeline, MemoryPlan(1, eager_free=True), **small)
    with pytest.raises(OutOfMemory) as refused:
        planner(tiny_pipeline, memory, size=(1536, 768), batch_size=8, use_secondary=0).select_plan()
    found = re.search(r"--size (\d+)x(\d+)", refused.value.en)
    assert found
    assert 64 <= int(found[1]) < 1024
    assert int(found[1]) == pytest.approx(2 * int(found[2]), abs=64)
    assert found[0] in refused.value.zh
    with pytest.raises(OutOfMemory, match=r"would fit: --batch-size [12]\b"):
        planner(tiny_pipeline, memory, batch_size=8, **small).select_plan()
    with pytest.raises(OutOfMemory, match="No canvas"):
        planner(tiny_pipeline, 0.01).select_plan()


@pytest.mark.usefixtures("still")
def test_half_precision_is_named_where_it_alone_would_fit_and_only_then(tiny_pipeline: Pipeline) -> None:
    one = planner(tiny_pipeline)
    tightest = MemoryPlan(1, eager_free=True)
    slim = replace(one, ghosts=one.context.on_meta(torch.bfloat16))
    saved = one.meta_context.network_bytes() // 2
    assert slim.meta_context.network_bytes() == pytest.approx(saved, rel=0.01)
    memory = (slim.forecast(tightest, one.context.request).memory - saved + 1) / GIB
    with pytest.raises(OutOfMemory, match="would fit: --dtype bfloat16"):
        replace(one, memory=memory).select_plan()
    with pytest.raises(OutOfMemory) as refused:
        replace(one, memory=memory - 0.001).select_plan()
    assert "--dtype" not in refused.value.en
    with pytest.raises(OutOfMemory) as refused:
        replace(
            one, cast=replace(one.context, model=replace(one.context.model, dtype=torch.bfloat16)), memory=memory
        ).select_plan()
    assert "--dtype" not in refused.value.en


def test_the_sorts_of_steps_cover_all_of_them() -> None:
    request = read_request(
        {
            "prompts": "雪",
            "size": (256, 256),
            "steps": 10,
            "refine": 0.5,
            "batch_size": 2,
            "sketches": "[3]*500+[1]*500",
            "use_secondary": "[1]*500+[0]*500",
            "cut_overview": "[4]*500+[8]*500",
            "cut_innercut": 2,
            "cutn_batches": 2,
            "guidance_every": "[1]*750+[2]*250",
        }
    )
    sorts = list(group_steps(request, side=64, stride=8, secondary=True))
    assert [(sort.shape.size, len(sort.loads)) for sort in sorts] == [((64, 64), 5), ((64, 64), 5), ((256, 256), 5)]
    assert sorts[0].shape == StepShape((64, 64), 9, 6)
    assert sorts[0].loads == ((6, 12),) * 5
    assert sorts[1].loads[1:] == ((2, 20), (2, 20), (2, 0), (2, 20))
    assert sorts[2].cutout_count == 10


def test_many_sketches_that_nothing_guides_do_not_count_as_guided() -> None:
    request = read_request(
        {"prompts": "雪", "steps": 10, "sketches": "[8]*300+[1]*700", "clip_guidance_scale": "[0]*300+[9]*700"}
    )
    unguided, guided = group_steps(request, side=None, stride=8, secondary=False)
    assert (unguided.shape.batch_size, guided.shape.batch_size) == (8, 1)
    assert [cuts for _, cuts in unguided.loads] == [0] * 3


def test_a_step_counts_as_often_as_it_is_taken(tiny_pipeline: Pipeline) -> None:
    request = read_request({"prompts": "雪", "steps": 10, "recurrence": "[1]*500+[3]*500"})
    (sort,) = group_steps(request, side=None, stride=8, secondary=False)
    assert len(sort.loads) == 5 + 3 * 5
    assert MemoryPlanner.of(run_context(tiny_pipeline, steps=10, recurrence=3)).step_count(request) == 10


@pytest.mark.usefixtures("still")
def test_a_run_tells_what_it_expects_and_how_it_is_arranged(tiny_pipeline: Pipeline) -> None:
    request = read_request({"prompts": "孤舟", "size": (64, 64), "steps": 2, **MANY})
    memory = needed(tiny_pipeline, MemoryPlan(128, eager_free=True), **MANY)
    tight = replace(tiny_pipeline, environment=replace(tiny_pipeline.settings, memory=memory))
    started, adapted = islice(tight.run(request), 2)
    assert isinstance(started, Started)
    assert started.estimate is not None
    assert started.estimate.fits
    assert isinstance(adapted, MemoryReduced)
    assert adapted.cause == "plan"
    assert adapted.cutout_chunk == 128
