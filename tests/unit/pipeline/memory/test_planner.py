"""Memory estimates, the fastest plan that fits, and the suggestions of the error."""

import re
from dataclasses import replace
from itertools import islice

import pytest
import torch

from danqing.errors import OutOfMemory
from danqing.events import MemoryReduced, Started
from danqing.pipeline import Pipeline
from danqing.pipeline.memory.dry_run import StepShape
from danqing.pipeline.memory.memory_plan import MemoryPlan, default_plan
from danqing.pipeline.memory.planner import MemoryPlanner, group_steps
from danqing.pipeline.memory.usage import GIB
from danqing.request import read_request
from tests.unit.pipeline.memory.contexts import run_context

MANY: dict[str, object] = {"cut_overview": 256, "cut_innercut": 256}


def planner(pipeline: Pipeline, memory: float | None = None, **changes: object) -> MemoryPlanner:
    return MemoryPlanner.of(run_context(pipeline, **changes), memory)


def needed(pipeline: Pipeline, plan: MemoryPlan, **changes: object) -> float:
    """GiB that a plan needs, and a little more."""
    one = MemoryPlanner.of(run_context(pipeline, **changes))
    return (one.estimate(plan, one.context.request).memory + 1) / GIB


@pytest.fixture
def constant_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the memory of the process constant."""
    monkeypatch.setattr("danqing.pipeline.memory.planner.memory_used", lambda _: GIB)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    monkeypatch.setattr("danqing.pipeline.memory.planner.unloaded_mmap_bytes", lambda _: 0)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]


def test_with_enough_memory_the_default_plan_is_selected(tiny_pipeline: Pipeline) -> None:
    plan, estimate = planner(tiny_pipeline).select_plan()
    assert plan == default_plan(run_context(tiny_pipeline).request)
    assert estimate.fits
    assert estimate.memory == estimate.in_use + estimate.unloaded_weights + estimate.peak_activations
    assert estimate.limit is not None
    assert estimate.limit > estimate.in_use


@pytest.mark.usefixtures("constant_memory")
def test_the_fastest_plan_that_fits_is_selected(tiny_pipeline: Pipeline) -> None:
    plans = list(planner(tiny_pipeline).plans(run_context(tiny_pipeline, **MANY).request))
    assert plans[:2] == [MemoryPlan(512), MemoryPlan(512, eager_free=True)]
    assert plans[-1] == MemoryPlan(1, eager_free=True)
    for plan in plans[:3]:
        assert planner(tiny_pipeline, needed(tiny_pipeline, plan, **MANY), **MANY).select_plan()[0] == plan


@pytest.mark.usefixtures("constant_memory")
def test_the_error_suggests_changes_that_fit(tiny_pipeline: Pipeline) -> None:
    small: dict[str, object] = {"size": (128, 128), "cut_overview": 1, "cut_innercut": 0, "use_secondary": 0}
    memory = needed(tiny_pipeline, MemoryPlan(1, eager_free=True), **small)
    with pytest.raises(OutOfMemory) as raised:
        planner(tiny_pipeline, memory, size=(1536, 768), sketches=8, use_secondary=0).select_plan()
    size = re.search(r"--size (\d+)x(\d+)", raised.value.en)
    assert size
    assert 64 <= int(size[1]) < 1024
    assert int(size[1]) == pytest.approx(2 * int(size[2]), abs=64)
    assert size[0] in raised.value.zh
    with pytest.raises(OutOfMemory, match=r"would fit: --sketches [12]\b"):
        planner(tiny_pipeline, memory, sketches=8, **small).select_plan()
    with pytest.raises(OutOfMemory, match="No canvas"):
        planner(tiny_pipeline, 0.01).select_plan()


@pytest.mark.usefixtures("constant_memory")
def test_half_precision_is_suggested_only_if_it_fits(tiny_pipeline: Pipeline) -> None:
    one = planner(tiny_pipeline)
    smallest = MemoryPlan(1, eager_free=True)
    half = replace(one, meta_context=one.context.on_meta(torch.bfloat16))
    saved = one.meta_context.network_bytes() // 2
    assert half.meta_context.network_bytes() == pytest.approx(saved, rel=0.01)
    memory = (half.estimate(smallest, one.context.request).memory - saved + 1) / GIB
    with pytest.raises(OutOfMemory, match="would fit: --dtype bfloat16"):
        replace(one, memory=memory).select_plan()
    with pytest.raises(OutOfMemory) as raised:
        replace(one, memory=memory - 0.001).select_plan()
    assert "--dtype" not in raised.value.en
    with pytest.raises(OutOfMemory) as raised:
        replace(
            one, context=replace(one.context, model=replace(one.context.model, dtype=torch.bfloat16)), memory=memory
        ).select_plan()
    assert "--dtype" not in raised.value.en


def test_the_groups_contain_all_steps() -> None:
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
    groups = list(group_steps(request, resolution=64, stride=8, secondary=True))
    assert [(group.shape.size, len(group.loads)) for group in groups] == [
        ((64, 64), 10),
        ((64, 64), 10),
        ((256, 256), 10),
    ]
    assert groups[0].shape == StepShape((64, 64), 9, 3)
    assert groups[0].loads == ((3, 12),) * 10
    assert groups[1].loads[2:] == ((1, 20),) * 4 + ((1, 0),) * 2 + ((1, 20),) * 2
    assert groups[2].cutout_count == 10


def test_unguided_sketches_form_their_own_group() -> None:
    request = read_request(
        {"prompts": "雪", "steps": 10, "sketches": "[8]*300+[1]*700", "clip_guidance_scale": "[0]*300+[9]*700"}
    )
    unguided, guided = group_steps(request, resolution=None, stride=8, secondary=False)
    assert (unguided.shape.batch_size, guided.shape.batch_size) == (8, 1)
    assert [cuts for _, cuts in unguided.loads] == [0] * 3


def test_repeated_steps_are_counted(tiny_pipeline: Pipeline) -> None:
    request = read_request({"prompts": "雪", "steps": 10, "recurrence": "[1]*500+[3]*500"})
    (group,) = group_steps(request, resolution=None, stride=8, secondary=False)
    assert len(group.loads) == 5 + 3 * 5
    assert MemoryPlanner.of(run_context(tiny_pipeline, steps=10, recurrence=3)).step_count(request) == 10


@pytest.mark.usefixtures("constant_memory")
def test_a_run_reports_its_estimate_and_plan(tiny_pipeline: Pipeline) -> None:
    request = read_request({"prompts": "孤舟", "size": (64, 64), "steps": 2, **MANY})
    memory = needed(tiny_pipeline, MemoryPlan(128, eager_free=True), **MANY)
    tight = replace(tiny_pipeline, settings=replace(tiny_pipeline.settings, memory=memory))
    started, adapted = islice(tight.run(request), 2)
    assert isinstance(started, Started)
    assert started.estimate is not None
    assert started.estimate.fits
    assert isinstance(adapted, MemoryReduced)
    assert adapted.cause == "plan"
    assert adapted.cutout_chunk == 128
