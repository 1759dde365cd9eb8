"""How long it will take: guesses from the pace of the last steps."""

from dataclasses import replace
from math import inf

from danqing.jobs.job import Job
from danqing.jobs.job_store import Ledger
from danqing.jobs.progress import Board
from danqing.request import Request
from danqing.schedule import SCHEDULE_LENGTH, respace_timesteps

UNGUIDED = 0.3
"""What an unguided step costs, as a share of a guided one: 50 of 169 ms with the embedded model (docs/performance.md)."""
_UNKNOWN, _LEAST, _MOST = 5.0, 1.0, 600.0


def work_of(request: Request) -> float:
    """What a request costs to paint, in pixels times guided steps."""
    return _pixels(request) * request.n_batches * sum(_loads(request))


def turns_of(request: Request) -> int:
    """How many steps a picture takes, each counted as often as it is taken."""
    return sum(int(request.recurrence.at(moment)) for _, moment in _moments(request))


def work_left(job: Job) -> float:
    """What is left of that; a large canvas takes more steps than the request names, which is known once it is painted."""
    request, loads = job.request, _loads(job.request, job.steps)
    batches = request.n_batches - job.picture // request.batch_size
    return _pixels(request) * max(batches * sum(loads) - sum(loads[: job.step]), 0)


def pace_of(request: Request, step: int, seconds: float) -> float:
    """Seconds for a pixel and guided step, where the step that made `step` of them in a batch took `seconds`."""
    return seconds / (_pixels(request) * _loads(request, step)[step - 1])


def _moments(request: Request) -> list[tuple[int, int]]:
    """Every step that is taken, the first one first: its k, and where it stands in a schedule."""
    times = respace_timesteps(request.steps, request.spacing)
    return [(k, SCHEDULE_LENGTH - 1 - times[k]) for k in reversed(range(request.steps - request.skip_steps))]


def _pixels(request: Request) -> int:
    """Of a batch."""
    width, height = request.size
    return width * height * request.batch_size


def _loads(request: Request, steps: int = 0) -> list[float]:
    """What each step of a picture costs, the first one first, in guided steps of one sketch; at least `steps` of them."""
    loads: list[float] = []
    sketches = inf
    for k, moment in _moments(request):
        sketches = min(sketches, request.sketches.at(moment))
        guided = request.clip_guidance_scale.at(moment) and k % int(request.guidance_every.at(moment)) == 0
        loads.append(sketches * request.recurrence.at(moment) * (1 if guided else UNGUIDED))
    return loads + [1.0] * (steps - len(loads))


def standing(job: Job, board: Board) -> Job:
    """A job from the book, with what is known in memory about how far it is."""
    progress = board.progress(job.id)
    if job.state != "painting" or not progress.steps:
        return job
    picture = progress.batch * job.request.batch_size
    return replace(job, picture=picture, step=progress.step, steps=progress.steps)


def seconds_left(job: Job, ledger: Ledger, board: Board, *, workers: int) -> float | None:
    """Seconds until a job is finished, the wait before it included; None if nobody can know."""
    if board.pace is None or job.over:
        return None
    own = work_left(job)
    if job.state == "painting":
        return own * board.pace
    return (_wait(ledger, board) + ledger.work_before(job.id)) * board.pace / workers + own * board.pace


def until_free(ledger: Ledger, board: Board) -> float:
    """Seconds after which it is worthwhile to ask for a place in a full queue again."""
    if board.pace is None:
        return _UNKNOWN
    left = [_left(job, board) for job in ledger.page(None, ("painting",), limit=8)]
    return min(max(min(left, default=0.0) * board.pace, _LEAST), _MOST)


def _wait(ledger: Ledger, board: Board) -> float:
    """The work that is left of the jobs in hand."""
    return sum(_left(job, board) for job in ledger.page(None, ("painting",), limit=8))


def _left(job: Job, board: Board) -> float:
    return work_left(standing(job, board))
