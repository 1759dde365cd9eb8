"""Networks set aside: the others do without them, and afterwards they are what they were."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import pytest
import torch
from torch import Tensor, nn

from danqing.pipeline import Pipeline
from danqing.pipeline.batch_sampler import BatchSampler
from danqing.pipeline.memory.dry_run import StepShape
from danqing.pipeline.memory.offload import CpuOffload, OffloadSchedule, unique_tensors
from danqing.pipeline.memory.plan import MemoryPlan, default_plan
from danqing.pipeline.memory.planner import MemoryPlanner
from danqing.pipeline.memory.timing import plan_and_time

from .test_dry_run import run_context


class Spoilt(CpuOffload):
    """Networks that are aside give nothing but NaN, on any device."""

    count = 0

    def __enter__(self) -> Self:
        type(self).count += 1
        for tensor, _ in self._copies:
            tensor.data = torch.full_like(tensor.data, torch.nan) if tensor.is_floating_point() else tensor.data
        return self


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Aside means spoilt."""
    monkeypatch.setattr("danqing.pipeline.memory.offload.CpuOffload", Spoilt)
    Spoilt.count = 0
    yield
    assert Spoilt.count > 0


def paint(pipeline: Pipeline, plan: MemoryPlan | None = None) -> Tensor:
    one = run_context(pipeline)
    descent = BatchSampler(one.model, one.request, one.prompts, None, plan or default_plan(one.request))
    *_, last = descent.steps((1,))
    return last.step.x


@pytest.mark.usefixtures("spoilt")
def test_whoever_works_does_without_those_that_are_aside(tiny_pipeline: Pipeline) -> None:
    one = run_context(tiny_pipeline)
    alone = paint(tiny_pipeline, replace(default_plan(one.request), offload=True))
    assert alone.isfinite().all()
    assert torch.equal(alone, paint(tiny_pipeline))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_what_is_aside_takes_no_memory_there() -> None:
    device = torch.device("cuda")
    network = nn.Linear(1024, 1024).requires_grad_(False).to(device)
    weights = [tensor.clone() for tensor in unique_tensors([network])]
    aside, before = CpuOffload([network], device), torch.cuda.memory_allocated()
    with aside:
        assert torch.cuda.memory_allocated() <= before - 4 * 1024**2
        assert network.weight.device.type == "cpu"
    for tensor, was in zip(unique_tensors([network]), weights, strict=True):
        assert torch.equal(tensor, was)


def test_taking_turns_saves_what_rests_at_the_worst_moment(tiny_pipeline: Pipeline) -> None:
    planner = MemoryPlanner.of(run_context(tiny_pipeline, cut_overview=1, cut_innercut=0))
    request, tight = planner.context.request, MemoryPlan(1, eager_free=True)
    takes = planner.takes(StepShape(request.size, 0, 1), tight, request, 1)
    unet, guiding = (planner.forecast(replace(tight, offload=part), request).peak_activations for part in (False, True))
    assert takes.peak_bytes == max(takes.denoise_bytes, takes.guide_bytes)
    assert guiding < unet


def test_only_a_gpu_has_a_memory_of_its_own(tiny_pipeline: Pipeline) -> None:
    here = MemoryPlanner.of(run_context(tiny_pipeline))
    there = replace(here, cast=replace(here.context, model=replace(here.context.model, device=torch.device("cuda"))))
    assert not any(plan.offload for plan in here.plans(here.context.request))
    *_, last = there.plans(there.context.request)
    assert last == MemoryPlan(1, eager_free=True, offload=True)
    through = there.context.request.with_changes(use_secondary=0)
    assert not any(plan.offload for plan in there.plans(through))


def test_the_seconds_count_the_changes_of_place(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan_and_time(run_context(tiny_pipeline), None)[1]
    monkeypatch.setattr("danqing.pipeline.memory.timing._time_offload", lambda _: 1000.0)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    monkeypatch.setattr(MemoryPlanner, "choose", lambda _: (MemoryPlan(1, offload=True), planned))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    offloaded = plan_and_time(run_context(tiny_pipeline), None)[1]
    assert offloaded.step_seconds is not None
    assert offloaded.step_seconds > 1000


def test_where_memory_abounds_nobody_rests() -> None:
    with OffloadSchedule().unet_active, OffloadSchedule().guide_active:
        pass
