"""Cost of requests and estimated remaining time of jobs, from the duration of recent steps.

Costs are in units of pixels times guided steps.
"""

from dataclasses import replace
from functools import lru_cache

from danqing.errors import InvalidRequest
from danqing.jobs.job import Job
from danqing.jobs.job_store import JobStore
from danqing.jobs.progress import BatchCosts, ProgressTracker
from danqing.request import Request
from danqing.request.steps import plan_key, plan_steps
from danqing.settings import Settings
from danqing.zoo.registry import get_spec

UNGUIDED_STEP_COST = 0.3
"""Cost of a prediction of the network relative to a guided step: measured 50 ms and 169 ms with the embedded model."""
UPSCALE_COST = 1.2
"""Cost of enlarging a picture relative to a guided step: measured 0.19 s (Compact, 0.23 M parameters) and 0.17 s."""
_DEFAULT_RETRY_SECONDS, _MIN_RETRY_SECONDS, _MAX_RETRY_SECONDS = 5.0, 1.0, 600.0


def request_cost(request: Request, resolution: int | None = None) -> float:
    """Return the cost of a complete request; `resolution` is the model's image side in pixels, None if unknown."""
    return sum(map(sum, batch_costs(request, resolution)))


def batch_costs(request: Request, resolution: int | None = None) -> BatchCosts:
    """Return the costs of the steps of each batch; see `step_costs`. The pictures of a grid differ, other batches do not."""
    if request.grid is None:
        return (step_costs(request, resolution),) * request.n_batches
    return tuple(step_costs(cell, resolution) for cell in request.cells())


def step_costs(request: Request, resolution: int | None = None) -> tuple[float, ...]:
    """Return the cost of each step of one batch, in the order in which they are taken; the last one includes enlarging,
    which is the only one of a request with the strength 0."""
    # A frozen pydantic model has a hash, which its type does not declare.
    return _step_costs(plan_key(request), resolution)  # pyright: ignore[reportArgumentType]


@lru_cache(maxsize=64)
def _step_costs(request: Request, resolution: int | None) -> tuple[float, ...]:
    costs: list[float] = []
    for step in plan_steps(request, resolution=resolution):
        width, height = step.stage.size
        images = request.batch_size * step.sketches * step.repeats
        network = UNGUIDED_STEP_COST * step.evaluations
        costs.append(width * height * images * (network + (1 - UNGUIDED_STEP_COST) * step.guided))
    width, height = request.canvas
    enlarging = width * height * request.batch_size * UPSCALE_COST if request.upscale > 1 else 0.0
    return (*costs[:-1], sum(costs[-1:]) + enlarging)


def step_count(request: Request, settings: Settings) -> int:
    """Return the number of steps per image, those of the refinement and repeated steps included.

    Args:
        request: complete.
        settings: location of the user's models.
    """
    resolution = get_spec(request.model, settings).resolution
    return sum(step.repeats for step in plan_steps(request, resolution=resolution))


def remaining_cost(job: Job, costs: BatchCosts | None = None) -> float:
    """Return the cost of a job's remaining steps; 0 if its stored request is invalid.

    Args:
        job: with its progress.
        costs: those of all its steps; computed if they are not given.
    """
    try:
        costs = (costs or batch_costs(job.request, job.resolution))[job.picture // job.batch_size :]
    except InvalidRequest:
        return 0.0
    return max(sum(map(sum, costs)) - sum(costs[0][: job.step]), 0.0) if costs else 0.0


def with_progress(job: Job, tracker: ProgressTracker) -> Job:
    """Return a stored job with its progress in memory."""
    progress = tracker.progress(job.id)
    if job.state != "painting" or not progress.steps:
        return job
    return replace(job, picture=progress.batch * job.batch_size, step=progress.step, steps=progress.steps)


def seconds_left(job: Job, store: JobStore, tracker: ProgressTracker, *, workers: int) -> float | None:
    """Return the seconds until a job finishes, including its wait in the queue; None if unknown.

    A worker that paints several jobs together counts as many times: the duration of a step is measured for each of them.
    """
    pace = tracker.seconds_per_unit
    if pace is None or job.is_ended:
        return None
    if job.state == "painting":
        return remaining_cost(job, tracker.costs(job.id)) * pace
    own = remaining_cost(job) if job.picture or job.step else store.cost(job.id)
    queued, running = store.queued_cost_before(job.id), _running_costs(store, tracker)
    return (sum(running) + queued) * pace / max(workers, len(running)) + own * pace


def retry_after(store: JobStore, tracker: ProgressTracker) -> float:
    """Return the seconds after which a client should retry when the queue is full."""
    pace = tracker.seconds_per_unit
    if pace is None:
        return _DEFAULT_RETRY_SECONDS
    seconds = min(_running_costs(store, tracker), default=0.0) * pace
    return min(max(seconds, _MIN_RETRY_SECONDS), _MAX_RETRY_SECONDS)


def _running_costs(store: JobStore, tracker: ProgressTracker) -> list[float]:
    jobs = store.list_jobs(None, ("painting",), limit=8)
    return [remaining_cost(with_progress(job, tracker), tracker.costs(job.id)) for job in jobs]
