"""`/v1/jobs`: submit, list, follow, cancel and resume jobs."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.client.schemas import JobList, JobView
from danqing.errors import InvalidRequest, JobNotFound
from danqing.jobs import Job, State
from danqing.jobs.job_filter import JobFilter, Shape
from danqing.jobs.job_store import idempotent_id
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.job_schema import JobRequest
from danqing.server.job_sources import find_job, load_sources
from danqing.server.job_views import event_data, job_path, job_view
from danqing.server.openapi_responses import (
    CHANGE_ERRORS,
    CREATE_ERRORS,
    FIND_ERRORS,
    READ_ERRORS,
    error_responses,
    example,
)
from danqing.server.request_body import JsonRoute
from danqing.server.retries import RetryDep

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=JsonRoute)

JOB_EXAMPLE = {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "steps": 20, "seed": 7}


def own_job(job_id: UUID, context: ContextDep, owner: OwnerDep) -> Job:
    """Return the job with this ID. A job of another API key is reported like a job that does not exist.

    Runs of the command line are found too if the service shows them.

    Raises:
        JobNotFound: the API key has no such job.
    """
    return find_job(str(job_id), context, owner)


OwnJob = Annotated[Job, Depends(own_job)]


@router.post(
    "",
    status_code=202,
    responses=error_responses(*CREATE_ERRORS),
)
def create_job(
    body: Annotated[JobRequest, Body(openapi_examples=example(JOB_EXAMPLE))],
    context: ContextDep,
    owner: OwnerDep,
    retry: RetryDep,
    response: Response,
) -> JobView:
    """Submit a job.

    The body contains the fields of a request. A picture may be given as the path of a picture of a job, such as
    /v1/jobs/JOB/pictures/0.png. With `branch` (JOB/PICTURE@STEP), a job that was painted with `save: ["steps"]` is continued after
    that step; fields that are not given are those of that job. With an initial image and the strength 0, that image is only
    enlarged (`upscale`) and mounted.

    To make the call idempotent, send the header Idempotency-Key, or a UUID of your own as `id`: repeating the call returns the
    same job.
    """
    id = str(body.id) if body.id else None
    # A UUID of one API key does not reveal or block the same UUID of another.
    chosen = idempotent_id(owner, id) if owner and id and _belongs_to_other(id, context, owner) else id
    request = load_sources(body.to_request(), context, owner)
    job = submit_job(request, context, owner=owner, id=chosen or retry.id, retry_seconds=retry.seconds)
    response.headers["Location"] = f"{context.root_path}{job_path(job)}"
    return job_view(job, context.root_path, context.models.notices_for(request))


def _view_with_notices(job: Job, context: ServerContext) -> JobView:
    return job_view(job, context.root_path, () if job.is_run else context.models.notices_of(job))


def _belongs_to_other(id: str, context: ServerContext, owner: str) -> bool:
    try:
        return context.runner.get(id).owner != owner
    except JobNotFound:
        return False


class JobQuery(BaseModel):
    """Which jobs a list contains."""

    state: list[State] = Field(default=[], description="Only jobs in these states.", max_length=5)
    limit: int = Field(default=50, ge=1, le=200)
    before: UUID | None = Field(default=None, description="ID of the last job of the previous page.")
    search: str = Field(default="", max_length=200, description="Words in the sentences, the artist or the style.")
    model: str | None = Field(default=None, max_length=200)
    style: str | None = Field(default=None, max_length=200, description="Text in the style or in a sentence.")
    shape: Shape | None = Field(default=None, description="A scroll is at least 2.5 times as wide as high.")
    id: list[UUID] | None = Field(default=None, max_length=150, description="Only these jobs.")
    runs: bool = Field(
        default=False, description="Also the runs of the command line; only on a service for this machine without keys."
    )


@router.get("", responses=error_responses(*READ_ERRORS, 404, 422))
def list_jobs(context: ContextDep, owner: OwnerDep, query: Annotated[JobQuery, Query()]) -> JobList:
    """List your jobs, newest first."""
    last = None if query.before is None else own_job(query.before, context, owner)
    wanted = JobFilter(
        words=tuple(query.search.split()),
        model=query.model,
        style=query.style,
        shape=query.shape,
        ids=None if query.id is None else tuple(map(str, query.id)),
    )
    runs = context.visible_runs if query.runs and not query.state else None
    earlier = replace(wanted, created_before=last.created if last else None)
    found = context.runner.jobs(
        owner=owner or None,
        states=query.state,
        limit=query.limit + 1,
        before=last.id if last and not runs else None,
        matching=earlier if runs else wanted,
    )
    if runs:
        found = sorted((*found, *runs.jobs(limit=query.limit + 1, matching=earlier)), key=_created, reverse=True)
    data = tuple(job_view(job, context.root_path) for job in found[: query.limit])
    return JobList(data=data, has_more=len(found) > query.limit)


def _created(job: Job) -> float:
    return job.created


@router.get("/{job_id}", responses=error_responses(*FIND_ERRORS))
def get_job(job: OwnJob, context: ContextDep) -> JobView:
    """Return a job: state, position in the queue, progress, remaining seconds and finished images."""
    return _view_with_notices(job, context)


@router.delete("/{job_id}", responses=error_responses(*CHANGE_ERRORS))
def cancel_job(
    job: OwnJob,
    context: ContextDep,
    forget: Annotated[bool, Query(description="Also delete an ended job with its images.")] = False,
) -> JobView:
    """Cancel a job: a queued job at once, a running job after its current step. Has no effect on an ended job."""
    if job.is_run and context.visible_runs:
        if forget:
            context.visible_runs.delete(job.id)
        return job_view(job, context.root_path)
    stopped = context.runner.cancel(job.id)
    view = _view_with_notices(stopped, context)
    if forget:
        context.runner.delete(job.id)
    return view


@router.post("/{job_id}/resume", status_code=202, responses=error_responses(*CHANGE_ERRORS, 429))
def resume_job(job: OwnJob, context: ContextDep) -> JobView:
    """Resume a failed or cancelled job from its checkpoint. The images are the same as without the interruption."""
    return _view_with_notices(context.runner.resume(job.id), context)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={200: openapi_responses.event_stream("Events of the job"), **error_responses(*FIND_ERRORS)},
)
def follow_job(
    job: OwnJob,
    context: ContextDep,
    last_event_id: Annotated[str, Header(description="Number of the last event received.")] = "0",
) -> StreamingResponse:
    """Stream the events of a job (server-sent events): `started`, `stepped`, `previewed`, `completed`, finally `ended`.

    To continue after an interruption, send Last-Event-ID. `stopping` instead of `ended` means that the server is shutting down;
    the job continues when it is back.
    """
    if not (last_event_id.isdecimal() and last_event_id.isascii() and len(last_event_id) < 19):
        zh, en = "Last-Event-ID 须为整数。", "Last-Event-ID must be an integer."
        raise InvalidRequest(zh, en, field="Last-Event-ID")
    stream = _events(job, context, int(last_event_id))
    return StreamingResponse(stream, media_type="text/event-stream", headers=openapi_responses.STREAM_HEADERS)


async def _events(job: Job, context: ServerContext, after: int) -> AsyncIterator[bytes]:
    last = job
    try:
        async for numbered in context.job_events.events(job.id, after=after):
            if numbered is None:
                yield KEEPALIVE_COMMENT
                continue
            data = await run_in_threadpool(event_data, job, numbered, context.root_path)
            yield format_sse_event(
                data_str=json.dumps(data, ensure_ascii=False), event=numbered.event.type, id=str(numbered.number)
            )
        last = await run_in_threadpool(context.runner.get, job.id)
        name = "ended" if last.is_ended else "stopping"
    except JobNotFound:  # deleted meanwhile, which only ended jobs are
        name = "ended"
        last = job if job.is_ended else replace(job, state="cancelled", position=None)
    view = await run_in_threadpool(job_view, last, context.root_path)
    yield format_sse_event(data_str=view.model_dump_json(), event=name)
