"""How long a run will take: its operations are counted, and a small step is timed to learn how fast they go here."""

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from danqing.events import Forecast
from danqing.pipeline.memory.dry_run import Act, Cast, Takes
from danqing.pipeline.memory.offload import Turns
from danqing.pipeline.memory.plan import Plan, usual
from danqing.pipeline.memory.planner import Planner, Sort, looking_at, plainly_fits
from danqing.request import SIDE

TRIAL = 0.01
"""Largest share of a run's operations that is spent on timing them, before the run."""
TRIAL_FLOPS = {"cpu": 6e11}
"""Most operations of one trial, by kind of device: a few seconds, and enough for a full-size network to find its pace."""
TRIAL_FLOPS_ELSE = 2e13


def arrange(cast: Cast, memory: float | None) -> tuple[Plan, Forecast | None]:
    """How a run is done here, and what it will take; the latter is not worked out where memory abounds.

    Args:
        cast: of the run.
        memory: GiB that may be used, where somebody named a limit.
    Raises:
        OutOfMemory: it does not fit in any way; it says what would.
    """
    if memory is None and plainly_fits(cast):
        return usual(cast.request), None
    return foresee(cast, memory, always=False)


def foresee(cast: Cast, memory: float | None, *, always: bool = True) -> tuple[Plan, Forecast]:
    """As `arrange`, and everything is worked out; the seconds only where that is cheap, unless `always`."""
    planner = Planner.of(cast, memory)
    plan, forecast = planner.choose()
    return plan, timed(planner, plan, forecast, always=always)


def timed(planner: Planner, plan: Plan, forecast: Forecast, *, always: bool = False) -> Forecast:
    """A forecast with seconds, where they can be learnt cheaply.

    Args:
        planner: of the run.
        plan: how it is arranged.
        forecast: of its memory.
        always: learn them as well as a few seconds allow, even if that is more than a small share of the run.
    """
    request = planner.cast.request
    sorts = planner.sorts(request)
    denoise, guide = (sum(parts) for parts in zip(*(_operations(planner, plan, sort) for sort in sorts), strict=True))
    turns = sum(len(sort.loads) for sort in sorts)
    device = planner.cast.model.device.type
    most = TRIAL_FLOPS.get(device, TRIAL_FLOPS_ELSE)
    share = TRIAL * request.n_batches * (denoise + guide) / 2  # it is taken twice
    trial = _choose_trial(planner, plan, most if always else min(most, share), always=always)
    if trial is None:
        return forecast
    act, cuts, takes = trial
    slow, slower = _clock(planner, plan, act, cuts)  # seconds of a trial's parts
    seconds = denoise * slow / takes.denoise + guide * slower / max(takes.guide, 1)
    seconds += turns * _swap(planner) if plan.offload else 0
    told = {"step_seconds": seconds / planner.steps(request), "seconds": seconds * request.n_batches}
    return forecast.model_copy(update=told)


def _operations(planner: Planner, plan: Plan, sort: Sort) -> tuple[float, float]:
    """Operations of a batch's steps of one sort, before and in guidance; those in guidance grow evenly with the cuts."""
    request = planner.cast.request
    full = planner.takes(sort.act, plan, request, sort.cuts)
    least = planner.takes(sort.act, plan, request, 1)
    each = (full.guide - least.guide) / max(sort.cuts - 1, 1)
    share = [(pictures / sort.act.pictures, cuts) for pictures, cuts in sort.loads]
    guide = sum(part * (least.guide + each * (cuts - 1)) for part, cuts in share if cuts)
    return sum(part for part, _ in share) * full.denoise, guide


def _choose_trial(planner: Planner, plan: Plan, most: float, *, always: bool) -> tuple[Act, int, Takes] | None:
    """The largest step that takes no more operations than that: its canvas, its cuts, and what it takes."""
    request = planner.cast.request
    last = planner.sorts(request)[-1]
    (width, height), chosen, side, cuts = last.act.size, None, SIDE, 1
    while True:
        act = Act((min(width, side), min(height, side)), last.act.k, 1)
        takes = planner.takes(act, plan, request, cuts)
        if takes.denoise + takes.guide > most and not (always and chosen is None):
            return chosen
        chosen = (act, cuts, takes)
        if side >= max(width, height) and cuts >= last.cuts:
            return chosen
        side, cuts = 2 * side, min(4 * cuts, last.cuts)


def _swap(planner: Planner) -> float:
    """Seconds that the networks take to change places in a step."""
    cast = planner.cast
    turns = Turns.between(cast.model, cast.prompts)
    began = time.perf_counter()
    for turn in (turns.unet_works, turns.guide_works):
        with turn:
            pass
    _wait(cast.model.device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    """Until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _clock(planner: Planner, plan: Plan, act: Act, cuts: int) -> tuple[float, float]:
    """Seconds before and in guidance of a real step, taken twice: the first time everything is still cold."""
    cast = replace(planner.cast, request=looking_at(planner.cast.request, cuts))
    moments: list[float] = []

    def look() -> None:
        _wait(cast.model.device)
        moments.append(time.perf_counter())

    def take(between: Callable[[], None]) -> None:
        cast.step(act, replace(plan, at_once=cuts), between)

    take(look)
    look()
    take(look)
    look()
    return moments[2] - moments[1], moments[3] - moments[2]
