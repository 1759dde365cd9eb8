"""`/v1/jobs`: submit, list, follow, cancel and resume jobs."""

import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool

from danqing.client.schemas import JobList, JobView
from danqing.errors import InvalidRequest, JobNotFound
from danqing.jobs import Job, State
from danqing.jobs.job_store import idempotent_id
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.job_views import event_data, job_path, job_view
from danqing.server.openapi_responses import (
    CHANGE_ERRORS,
    CREATE_ERRORS,
    FIND_ERRORS,
    READ_ERRORS,
    error_responses,
)
from danqing.server.request_body import Payload
from danqing.server.request_parsing import parse_request
from danqing.server.retries import RetryDep

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


def own_job(job_id: UUID, context: ContextDep, owner: OwnerDep) -> Job:
    """Return the job with this ID. A job of another API key is reported like a job that does not exist.

    Raises:
        JobNotFound: the API key has no such job.
    """
    try:
        job = context.runner.get(str(job_id))
    except JobNotFound:
        job = None
    if job is None or (owner and job.owner != owner):
        raise JobNotFound(f"没有任务 {job_id}。", f"There is no job {job_id}.")
    return job


OwnJob = Annotated[Job, Depends(own_job)]


@router.post(
    "",
    status_code=202,
    responses=error_responses(*CREATE_ERRORS),
    openapi_extra=openapi_responses.body("NewJob", openapi_responses.JOB),
)
def create_job(values: Payload, context: ContextDep, owner: OwnerDep, retry: RetryDep, response: Response) -> JobView:
    """Submit a job.

    The body contains the fields of a request. To make the call idempotent, send the header Idempotency-Key, or a UUID of your own
    as `id`: repeating the call returns the same job.
    """
    id = values.pop("id", None)
    if id is not None and not isinstance(id, str):
        raise InvalidRequest("id 须为 UUID。", "id must be a UUID.", field="id")
    # A UUID of one API key does not reveal or block the same UUID of another.
    chosen = idempotent_id(owner, id) if owner and id and _belongs_to_other(id, context, owner) else id
    request = parse_request(values, allow_urls=context.allow_urls, slot=context.decoding_slot)
    job = submit_job(request, context, owner=owner, id=chosen or retry.id, retry_seconds=retry.seconds)
    response.headers["Location"] = f"{context.root_path}{job_path(job)}"
    return job_view(job, context.root_path)


def _belongs_to_other(id: str, context: ServerContext, owner: str) -> bool:
    try:
        return context.runner.get(str(UUID(id))).owner != owner
    except (JobNotFound, ValueError):
        return False


@router.get("", responses=error_responses(*READ_ERRORS, 404, 422))
def list_jobs(
    context: ContextDep,
    owner: OwnerDep,
    state: Annotated[list[State] | None, Query(description="Only jobs in these states.", max_length=5)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[UUID | None, Query(description="ID of the last job of the previous page.")] = None,
) -> JobList:
    """List your jobs, newest first."""
    last = None if before is None else own_job(before, context, owner).id
    found = context.runner.jobs(owner=owner or None, states=state or (), limit=limit + 1, before=last)
    data = tuple(job_view(job, context.root_path) for job in found[:limit])
    return JobList(data=data, has_more=len(found) > limit)


@router.get("/{job_id}", responses=error_responses(*FIND_ERRORS))
def get_job(job: OwnJob, context: ContextDep) -> JobView:
    """Return a job: state, position in the queue, progress, remaining seconds and finished images."""
    return job_view(job, context.root_path)


@router.delete("/{job_id}", responses=error_responses(*CHANGE_ERRORS))
def cancel_job(
    job: OwnJob,
    context: ContextDep,
    forget: Annotated[bool, Query(description="Also delete an ended job with its images.")] = False,
) -> JobView:
    """Cancel a job: a queued job at once, a running job after its current step. Has no effect on an ended job."""
    stopped = context.runner.cancel(job.id)
    view = job_view(stopped, context.root_path)
    if forget:
        context.runner.delete(job.id)
    return view


@router.post("/{job_id}/resume", status_code=202, responses=error_responses(*CHANGE_ERRORS, 429))
def resume_job(job: OwnJob, context: ContextDep) -> JobView:
    """Resume a failed or cancelled job from its checkpoint. The images are the same as without the interruption."""
    return job_view(context.runner.resume(job.id), context.root_path)


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
    view = await run_in_threadpool(job_view, last, context.root_path)
    yield format_sse_event(data_str=view.model_dump_json(), event=name)
