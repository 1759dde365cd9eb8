"""CPU offload: networks in use do not need the offloaded ones, which are restored afterwards."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import pytest
import torch
from torch import Tensor, nn

from danqing.pipeline import Pipeline
from danqing.pipeline.batch_sampler import BatchSampler
from danqing.pipeline.memory.dry_run import StepShape
from danqing.pipeline.memory.memory_plan import MemoryPlan, default_plan
from danqing.pipeline.memory.offload import CpuOffload, OffloadSchedule, unique_tensors
from danqing.pipeline.memory.planner import MemoryPlanner
from danqing.pipeline.memory.timing import plan_and_time
from tests.unit.pipeline.memory.contexts import run_context


class NanOffload(CpuOffload):
    """Replaces the weights of offloaded networks by NaN, on any device."""

    count = 0

    def __enter__(self) -> Self:
        type(self).count += 1
        for tensor, _ in self._copies:
            tensor.data = torch.full_like(tensor.data, torch.nan) if tensor.is_floating_point() else tensor.data
        return self


@pytest.fixture
def nan_offload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offloaded networks compute NaN."""
    monkeypatch.setattr("danqing.pipeline.memory.offload.CpuOffload", NanOffload)
    NanOffload.count = 0
    yield
    assert NanOffload.count > 0


def paint(pipeline: Pipeline, plan: MemoryPlan | None = None) -> Tensor:
    one = run_context(pipeline)
    sampler = BatchSampler(one.model, one.request, one.prompts, None, plan or default_plan(one.request), text=one.text)
    *_, last = sampler.steps((1,))
    return last.step.x


@pytest.mark.usefixtures("nan_offload")
def test_a_run_with_offloading_gives_the_same_picture(tiny_pipeline: Pipeline) -> None:
    one = run_context(tiny_pipeline)
    alone = paint(tiny_pipeline, replace(default_plan(one.request), offload=True))
    assert alone.isfinite().all()
    assert torch.equal(alone, paint(tiny_pipeline))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_offloaded_networks_use_no_gpu_memory() -> None:
    device = torch.device("cuda")
    network = nn.Linear(1024, 1024).requires_grad_(False).to(device)
    weights = [tensor.clone() for tensor in unique_tensors([network])]
    offload, before = CpuOffload([network], device), torch.cuda.memory_allocated()
    with offload:
        assert torch.cuda.memory_allocated() <= before - 4 * 1024**2
        assert network.weight.device.type == "cpu"
    for tensor, was in zip(unique_tensors([network]), weights, strict=True):
        assert torch.equal(tensor, was)


def test_offloading_reduces_the_estimate(tiny_pipeline: Pipeline) -> None:
    planner = MemoryPlanner.of(run_context(tiny_pipeline, cut_overview=1, cut_innercut=0))
    request, tight = planner.context.request, MemoryPlan(1, eager_free=True)
    cost = planner.estimate_step(StepShape(request.size, 0, 1), tight, request, 1)
    unet, guide = (planner.estimate(replace(tight, offload=part), request).peak_activations for part in (False, True))
    assert cost.peak_bytes == max(cost.denoise_bytes, cost.guide_bytes)
    assert guide < unet


def test_only_gpus_offload(tiny_pipeline: Pipeline) -> None:
    cpu = MemoryPlanner.of(run_context(tiny_pipeline))
    gpu = replace(cpu, context=replace(cpu.context, model=replace(cpu.context.model, device=torch.device("cuda"))))
    assert not any(plan.offload for plan in cpu.plans(cpu.context.request))
    *_, last = gpu.plans(gpu.context.request)
    assert last == MemoryPlan(1, eager_free=True, offload=True)
    through = gpu.context.request.with_changes(use_secondary=0)
    assert not any(plan.offload for plan in gpu.plans(through))


def test_the_duration_includes_offloading(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan_and_time(run_context(tiny_pipeline), None)[1]
    monkeypatch.setattr("danqing.pipeline.memory.timing._time_offload", lambda _: 1000.0)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    monkeypatch.setattr(MemoryPlanner, "select_plan", lambda _: (MemoryPlan(1, offload=True), planned))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    offloaded = plan_and_time(run_context(tiny_pipeline), None)[1]
    assert offloaded.step_seconds is not None
    assert offloaded.step_seconds > 1000


def test_the_default_schedule_does_nothing() -> None:
    with OffloadSchedule().unet_active, OffloadSchedule().guide_active:
        pass
