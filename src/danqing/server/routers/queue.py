"""`/v1/queue`: the jobs that wait, in their order; pausing, moving and cancelling them."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from danqing.client.schemas import JobView
from danqing.jobs import Job
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext
from danqing.server.errors import ApiError
from danqing.server.job_views import job_view
from danqing.server.openapi_responses import CHANGE_ERRORS, FIND_ERRORS, READ_ERRORS, error_responses
from danqing.server.request_body import JsonRoute
from danqing.server.routers.jobs import OwnJob

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=JsonRoute)

MAX_JOBS = 200
"""Jobs that the queue lists; the queue itself is limited by --queue."""


class Queue(BaseModel):
    """Your unfinished jobs: first the running ones, then the queued ones in the order in which they start."""

    paused: bool = Field(description="Queued jobs do not start.")
    can_pause: bool = Field(description="False on a service with keys, whose queue is shared.")
    data: tuple[JobView, ...]


class QueueChange(BaseModel):
    """A change of the queue."""

    paused: bool


class QueuePlace(BaseModel):
    """A place in the queue."""

    place: int = Field(ge=0, le=10_000, description="Number of your queued jobs that start earlier.")


@router.get("/queue", responses=error_responses(*READ_ERRORS))
def get_queue(context: ContextDep, owner: OwnerDep) -> Queue:
    """Return the queue."""
    jobs = [context.runner.get(job.id) for job in _unfinished(context, owner)]
    return Queue(
        paused=context.runner.paused,
        can_pause=not context.requires_key,
        data=tuple(job_view(job, context.root_path) for job in sorted(jobs, key=_order)),
    )


@router.put("/queue", responses=error_responses(*CHANGE_ERRORS, 400, 408))
def change_queue(change: Annotated[QueueChange, Body()], context: ContextDep, owner: OwnerDep) -> Queue:
    """Pause the queue, or start it again. Running jobs continue. Not possible on a service with keys."""
    if context.requires_key:
        zh, en = "队列由几个人共用，不能暂停。", "The queue is shared with other users and cannot be paused."
        raise ApiError(403, "shared_queue", zh, en)
    context.runner.pause(change.paused)
    return get_queue(context, owner)


@router.delete("/queue", responses=error_responses(*CHANGE_ERRORS))
def cancel_queue(
    context: ContextDep,
    owner: OwnerDep,
    running: Annotated[bool, Query(description="Also cancel running jobs.")] = True,
) -> Queue:
    """Cancel all your unfinished jobs; they can be resumed one by one."""
    for job in sorted(_unfinished(context, owner), key=_order, reverse=True):  # so that no job starts meanwhile
        if running or job.state == "queued":
            context.runner.cancel(job.id)
    return get_queue(context, owner)


@router.put("/jobs/{job_id}/place", responses=error_responses(*FIND_ERRORS, *CHANGE_ERRORS, 400, 408))
def move_job(job: OwnJob, place: Annotated[QueuePlace, Body()], context: ContextDep, owner: OwnerDep) -> Queue:
    """Move a queued job among your own; jobs of other keys keep their places. Has no effect on other jobs."""
    if not job.is_run:
        context.runner.move(job.id, place.place, owner=owner or None)
    return get_queue(context, owner)


def _unfinished(context: ServerContext, owner: str) -> tuple[Job, ...]:
    return context.runner.jobs(owner=owner or None, states=("queued", "painting"), limit=MAX_JOBS)


def _order(job: Job) -> tuple[int, float]:
    return (-1 if job.position is None else job.position, job.created)
