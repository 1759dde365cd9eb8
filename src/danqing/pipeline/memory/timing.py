"""Estimates the duration of a run: its FLOPs are counted, and a small step is timed to measure the speed of the device."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from danqing.events import ResourceEstimate
from danqing.pipeline.memory.dry_run import RunContext, StepCost, StepShape
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.memory.offload import OffloadSchedule
from danqing.pipeline.memory.planner import MemoryPlanner, StepGroup, with_cutouts
from danqing.request import SIZE_MULTIPLE

TRIAL_FLOPS = {"cpu": 6e11}
"""Maximum FLOPs of the timed step by type of device: a few seconds, enough for a large network to reach full speed."""
OTHER_TRIAL_FLOPS = 2e13


def plan_and_time(context: RunContext, memory: float | None) -> tuple[MemoryPlan, ResourceEstimate]:
    """Select the plan of a run and estimate its memory and duration.

    Args:
        context: of the run.
        memory: limit in GiB set by the user.
    Raises:
        OutOfMemory: no plan fits; the message suggests changes that would.
    """
    planner = MemoryPlanner.of(context, memory)
    plan, estimate = planner.select_plan()
    return plan, with_duration(planner, plan, estimate)


def with_duration(planner: MemoryPlanner, plan: MemoryPlan, estimate: ResourceEstimate) -> ResourceEstimate:
    """Add the duration to an estimate."""
    request = planner.context.request
    groups = planner.step_groups(request)
    flops = [_group_flops(planner, plan, group) for group in groups]
    denoise_flops, guide_flops = (sum(phase) for phase in zip(*flops, strict=True))
    guided = (group for group in reversed(groups) if any(cutouts for _, cutouts in group.loads))
    shape, cutouts, cost = _choose_trial(planner, plan, next(guided, groups[-1]))
    denoise_seconds, guide_seconds = _time_step(planner, plan, shape, cutouts)
    seconds = denoise_flops * denoise_seconds / cost.denoise_flops + guide_flops * guide_seconds / max(
        cost.guide_flops, 1
    )
    if plan.offload:
        seconds += sum(len(group.loads) for group in groups) * _time_offload(planner)
    durations = {"step_seconds": seconds / planner.step_count(request), "seconds": seconds * request.n_batches}
    return estimate.model_copy(update=durations)


def _group_flops(planner: MemoryPlanner, plan: MemoryPlan, group: StepGroup) -> tuple[float, float]:
    """Return the FLOPs of the U-Net and of guidance in a group; those of guidance are linear in the number of cutouts."""
    request = planner.context.request
    full = planner.estimate_step(group.shape, plan, request, group.cutout_count)
    single = planner.estimate_step(group.shape, plan, request, 1)
    per_cutout = (full.guide_flops - single.guide_flops) / max(group.cutout_count - 1, 1)
    shares = [(images / group.shape.batch_size, cutouts) for images, cutouts in group.loads]
    guide = sum(share * (single.guide_flops + per_cutout * (cutouts - 1)) for share, cutouts in shares if cutouts)
    return sum(share for share, _ in shares) * full.denoise_flops, guide


def _choose_trial(planner: MemoryPlanner, plan: MemoryPlan, group: StepGroup) -> tuple[StepShape, int, StepCost]:
    """Return the largest step within the limit of FLOPs, or the smallest one, with its cutouts and cost."""
    limit = TRIAL_FLOPS.get(planner.context.model.device.type, OTHER_TRIAL_FLOPS)
    (width, height), side, cutouts, chosen = group.shape.size, SIZE_MULTIPLE, 1, None
    while True:
        shape = StepShape((min(width, side), min(height, side)), group.shape.index, 1)
        cost = planner.estimate_step(shape, plan, planner.context.request, cutouts)
        if chosen is not None and cost.denoise_flops + cost.guide_flops > limit:
            return chosen
        chosen = (shape, cutouts, cost)
        if side >= max(width, height) and cutouts >= group.cutout_count:
            return chosen
        side, cutouts = 2 * side, min(4 * cutouts, group.cutout_count)


def _time_offload(planner: MemoryPlanner) -> float:
    """Return the seconds that offloading adds to a step."""
    context = planner.context
    schedule = OffloadSchedule.for_model(context.model, context.prompts)
    start = time.perf_counter()
    for phase in (schedule.unet_active, schedule.guide_active):
        with phase:
            pass
    _synchronize(context.model.device)
    return time.perf_counter() - start


def _time_step(planner: MemoryPlanner, plan: MemoryPlan, shape: StepShape, cutouts: int) -> tuple[float, float]:
    """Return the seconds of the U-Net and of guidance in a real step. The step runs twice; the first run is a warm-up."""
    context = replace(planner.context, request=with_cutouts(planner.context.request, cutouts))
    times: list[float] = []

    def record_time() -> None:
        _synchronize(context.model.device)
        times.append(time.perf_counter())

    def run(on_denoised: Callable[[], None]) -> None:
        context.run_step(shape, replace(plan, cutout_chunk=cutouts), on_denoised)

    run(record_time)
    record_time()
    run(record_time)
    record_time()
    return times[2] - times[1], times[3] - times[2]


def _synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
