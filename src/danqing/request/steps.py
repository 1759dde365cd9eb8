"""The steps of a run. The sampler, the memory planner, the queue estimates and the service's limits all use this plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, lcm

from danqing.request import Request
from danqing.request.guidance_scale import request_coefficients
from danqing.schedule import respace_timesteps, schedule_index

MAX_NATIVE_RATIO = 1.25
"""A canvas whose short side exceeds the model's resolution by more than this factor is painted in two stages.

A long canvas that is not higher than the training images is coherent in one stage; shrinking it would lose detail.
"""
SKETCH_SEED_STRIDE = 2**64
"""Distance between the seeds of the sketches of one image; larger than any seed, so that no seed is used twice."""
_SECONDARY_STRIDE = 32
"""Both sides of the secondary network's input are multiples of this, in pixels."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One pass from noise to image at one size.

    Attributes:
        number: 0 for the first stage, 1 for the refinement.
        size: width and height in pixels.
        skip: number of noisiest steps that are skipped.
        steps_before: number of steps in earlier stages.
        steps: number of steps in this stage.
    """

    number: int
    size: tuple[int, int]
    skip: int
    steps_before: int
    steps: int


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step of a batch.

    Attributes:
        number: position in the batch, from 0, over all stages.
        stage: the stage it belongs to.
        index: respaced index, 0 the cleanest.
        timestep: timestep of the model, 0..999.
        sketches: sketches of each picture that the step samples.
        sketches_after: sketches of each picture that are kept after the step.
        repeats: how often the step is taken (self-recurrence), at least 1.
        guided: True if a CLIP gradient is computed; False if the step is unguided or reuses the previous gradient.
        evaluations: predictions of the network for each sketch; more than 1 with `guidance_scale`.
    """

    number: int
    stage: Stage
    index: int
    timestep: float
    sketches: int
    sketches_after: int
    repeats: int
    guided: bool
    evaluations: int

    @property
    def schedule_index(self) -> int:
        """Index of the step in the schedules of a request; 0 is the noisiest."""
        return schedule_index(self.timestep)


def plan_stages(request: Request, *, resolution: int | None, stride: int = 1) -> tuple[Stage, ...]:
    """Return the stages of one batch, without the enlargement of the finished pictures.

    Args:
        request: complete; `refine` is the fraction of the steps that is repeated at full size.
        resolution: side of the square images that the model was trained on, in pixels; None if unknown.
        stride: both sides of the model's input are multiples of this, in pixels.
    Returns:
        one stage, or two, the second of which has the size of the canvas.
    """
    steps = request.steps - request.skipped_steps
    refine_steps = round(request.steps * request.refine)
    width, height = request.canvas
    # A weak change is made at full size only: shrinking the picture would change more than the strength allows.
    is_weak = request.strength is not None and steps <= refine_steps
    if resolution is None or not refine_steps or is_weak or min(width, height) <= MAX_NATIVE_RATIO * resolution:
        return (Stage(0, request.canvas, request.skipped_steps, 0, steps),)
    unit = lcm(stride, _SECONDARY_STRIDE)
    scale = resolution / min(width, height)
    small = (max(unit, round(width * scale / unit) * unit), max(unit, round(height * scale / unit) * unit))
    return (
        Stage(0, small, request.skipped_steps, 0, steps),
        Stage(1, request.canvas, request.steps - refine_steps, steps, refine_steps),
    )


def plan_steps(request: Request, *, resolution: int | None, stride: int = 1) -> tuple[StepPlan, ...]:
    """Return all steps of one batch in the order in which they are taken.

    Cached by `plan_key`: 1000 steps take 10 ms, and a service needs them for limits, queue estimates and progress.

    Args:
        request, resolution, stride: as for `plan_stages`.
    """
    # A frozen pydantic model has a hash, which its type does not declare.
    return _plan_steps(plan_key(request), resolution, stride)  # pyright: ignore[reportArgumentType]


def plan_key(request: Request) -> Request:
    """Return a request without the fields that do not change its steps, such as the seed: the key of caches of plans."""
    unrelated: dict[str, object] = {"seed": None, "init_image": None, "mask": None}
    if request.guidance_scale is None:
        unrelated |= {"prompts": ("",), "style": None, "artist": None}
    return request.model_copy(update=unrelated)


@lru_cache(maxsize=16)
def _plan_steps(request: Request, resolution: int | None, stride: int) -> tuple[StepPlan, ...]:
    timesteps = respace_timesteps(request.steps, request.spacing)
    coefficients = None if request.guidance_scale is None else request_coefficients(request)
    planned: list[StepPlan] = []
    for stage in plan_stages(request, resolution=resolution, stride=stride):
        indices = range(request.steps - stage.skip - 1, request.steps - stage.skip - stage.steps - 1, -1)
        sketches = _sketches(request, [timesteps[index] for index in indices]) if stage.number == 0 else None
        for number, index in enumerate(indices):
            position = schedule_index(timesteps[index])
            planned.append(
                StepPlan(
                    number=stage.steps_before + number,
                    stage=stage,
                    index=index,
                    timestep=timesteps[index],
                    sketches=sketches[number] if sketches else 1,
                    sketches_after=sketches[number + 1] if sketches else 1,
                    repeats=int(request.recurrence.at(position)),
                    guided=bool(request.clip_guidance_scale.at(position))
                    and not reuses_gradient(index, int(request.guidance_every.at(position))),
                    evaluations=sum(bool(row.at(position)) for row in coefficients) if coefficients else 1,
                )
            )
    return tuple(planned)


def reuses_gradient(index: int, interval: int) -> bool:
    """Return True if the step at a respaced index reuses the previous gradient: only every `interval`-th computes one."""
    return index % interval != 0


def _sketches(request: Request, timesteps: Sequence[float]) -> list[int]:
    """Return the sketches per picture of each step, not increasing, and 1 after the last; pruned sketches do not return."""
    counts: list[int] = []
    fewest = inf
    for timestep in timesteps:
        fewest = min(fewest, request.sketches.at(schedule_index(timestep)))
        counts.append(int(fewest))
    return [*counts, 1]
