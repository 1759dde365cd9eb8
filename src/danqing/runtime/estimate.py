"""How long it will take: guesses from the pace of the last steps."""

from dataclasses import replace
from itertools import accumulate
from statistics import fmean

from danqing.request import Request
from danqing.runtime.board import Board
from danqing.runtime.job import Job
from danqing.runtime.ledger import Ledger

_UNKNOWN, _LEAST, _MOST = 5.0, 1.0, 600.0


def work_of(request: Request) -> float:
    """What a request costs to paint, in pixels times steps, all sketches counted."""
    width, height = request.size
    return width * height * (request.steps - request.skip_steps) * request.count * _sketches(request)


def work_left(job: Job) -> float:
    """What is left of that; a large canvas takes more steps than the request names, which is known once it is painted."""
    request = job.request
    steps = job.steps or request.steps - request.skip_steps
    width, height = request.size
    done = job.picture // request.batch_size * steps + job.step
    return width * height * request.batch_size * max(request.n_batches * steps - done, 0) * _sketches(request)


def _sketches(request: Request) -> float:
    """Sketches under way at a time, on the average over the run."""
    return fmean(accumulate(request.sketches.values, min))


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
