"""How long a run will take: its operations are counted, and a small step is timed to learn how fast they go here."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from danqing.events import ResourceEstimate
from danqing.pipeline.memory.dry_run import StepShape, RunContext, StepCost
from danqing.pipeline.memory.offload import OffloadSchedule
from danqing.pipeline.memory.plan import MemoryPlan, default_plan
from danqing.pipeline.memory.planner import MemoryPlanner, StepGroup, with_cutouts, certainly_fits
from danqing.request import SIDE

TRIAL = 0.01
"""Largest share of a run's operations that is spent on timing them, before the run."""
TRIAL_FLOPS = {"cpu": 6e11}
"""Most operations of one trial, by kind of device: a few seconds, and enough for a full-size network to find its pace."""
TRIAL_FLOPS_ELSE = 2e13


def plan_run(cast: RunContext, memory: float | None) -> tuple[MemoryPlan, ResourceEstimate | None]:
    """How a run is done here, and what it will take; the latter is not worked out where memory abounds.

    Args:
        cast: of the run.
        memory: GiB that may be used, where somebody named a limit.
    Raises:
        OutOfMemory: it does not fit in any way; it says what would.
    """
    if memory is None and certainly_fits(cast):
        return default_plan(cast.request), None
    return plan_and_time(cast, memory, always=False)


def plan_and_time(cast: RunContext, memory: float | None, *, always: bool = True) -> tuple[MemoryPlan, ResourceEstimate]:
    """As `arrange`, and everything is worked out; the seconds only where that is cheap, unless `always`."""
    planner = MemoryPlanner.of(cast, memory)
    plan, forecast = planner.select_plan()
    return plan, with_duration(planner, plan, forecast, always=always)


def with_duration(planner: MemoryPlanner, plan: MemoryPlan, forecast: ResourceEstimate, *, always: bool = False) -> ResourceEstimate:
    """A forecast with seconds, where they can be learnt cheaply.

    Args:
        planner: of the run.
        plan: how it is arranged.
        forecast: of its memory.
        always: learn them as well as a few seconds allow, even if that is more than a small share of the run.
    """
    request = planner.context.request
    sorts = planner.step_groups(request)
    denoise, guide = (sum(parts) for parts in zip(*(_operations(planner, plan, sort) for sort in sorts), strict=True))
    turns = sum(len(sort.loads) for sort in sorts)
    device = planner.context.model.device.type
    most = TRIAL_FLOPS.get(device, TRIAL_FLOPS_ELSE)
    share = TRIAL * request.n_batches * (denoise + guide) / 2  # it is taken twice
    trial = _choose_trial(planner, plan, most if always else min(most, share), always=always)
    if trial is None:
        return forecast
    act, cuts, takes = trial
    slow, slower = _time_step(planner, plan, act, cuts)  # seconds of a trial's parts
    seconds = denoise * slow / takes.denoise_flops + guide * slower / max(takes.guide_flops, 1)
    seconds += turns * _time_offload(planner) if plan.offload else 0
    told = {"step_seconds": seconds / planner.step_count(request), "seconds": seconds * request.n_batches}
    return forecast.model_copy(update=told)


def _operations(planner: MemoryPlanner, plan: MemoryPlan, sort: StepGroup) -> tuple[float, float]:
    """Operations of a batch's steps of one sort, before and in guidance; those in guidance grow evenly with the cuts."""
    request = planner.context.request
    full = planner.takes(sort.shape, plan, request, sort.cutout_count)
    least = planner.takes(sort.shape, plan, request, 1)
    each = (full.guide_flops - least.guide_flops) / max(sort.cutout_count - 1, 1)
    share = [(pictures / sort.shape.batch_size, cuts) for pictures, cuts in sort.loads]
    guide = sum(part * (least.guide_flops + each * (cuts - 1)) for part, cuts in share if cuts)
    return sum(part for part, _ in share) * full.denoise_flops, guide


def _choose_trial(planner: MemoryPlanner, plan: MemoryPlan, most: float, *, always: bool) -> tuple[StepShape, int, StepCost] | None:
    """The largest step that takes no more operations than that: its canvas, its cuts, and what it takes."""
    request = planner.context.request
    last = planner.step_groups(request)[-1]
    (width, height), chosen, side, cuts = last.shape.size, None, SIDE, 1
    while True:
        act = StepShape((min(width, side), min(height, side)), last.shape.index, 1)
        takes = planner.takes(act, plan, request, cuts)
        if takes.denoise_flops + takes.guide_flops > most and not (always and chosen is None):
            return chosen
        chosen = (act, cuts, takes)
        if side >= max(width, height) and cuts >= last.cutout_count:
            return chosen
        side, cuts = 2 * side, min(4 * cuts, last.cutout_count)


def _time_offload(planner: MemoryPlanner) -> float:
    """Seconds that the networks take to change places in a step."""
    cast = planner.context
    turns = OffloadSchedule.for_model(cast.model, cast.prompts)
    began = time.perf_counter()
    for turn in (turns.unet_active, turns.guide_active):
        with turn:
            pass
    _wait(cast.model.device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    """Until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _time_step(planner: MemoryPlanner, plan: MemoryPlan, act: StepShape, cuts: int) -> tuple[float, float]:
    """Seconds before and in guidance of a real step, taken twice: the first time everything is still cold."""
    cast = replace(planner.context, request=with_cutouts(planner.context.request, cuts))
    moments: list[float] = []

    def look() -> None:
        _wait(cast.model.device)
        moments.append(time.perf_counter())

    def take(between: Callable[[], None]) -> None:
        cast.run_step(act, replace(plan, at_once=cuts), between)

    take(look)
    look()
    take(look)
    look()
    return moments[2] - moments[1], moments[3] - moments[2]
