"""`/v1/jobs`: put a request into the queue, follow it, stop it, go on with it."""

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
from danqing.server import openapi_responses
from danqing.server.dependencies import Service, owner_of, service_of, submit
from danqing.server.job_views import address, event_data, job_view
from danqing.server.openapi_responses import CHANGES, FINDS, READS, TAKES, problems
from danqing.server.request_body import Payload
from danqing.server.request_parsing import read_values

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

Here = Annotated[Service, Depends(service_of)]
Owner = Annotated[str, Depends(owner_of)]


def own_job(job_id: UUID, service: Here, owner: Owner) -> Job:
    """The job of that id, if it is the caller's; one of another key is not there for them.

    Raises:
        JobNotFound: there is none.
    """
    job = service.runtime.get(str(job_id))
    if owner and job.owner != owner:
        raise JobNotFound(f"没有任务 {job_id}。", f"There is no job {job_id}.")
    return job


Own = Annotated[Job, Depends(own_job)]


@router.post(
    "",
    status_code=202,
    responses=problems(*TAKES),
    openapi_extra=openapi_responses.body("NewJob", openapi_responses.JOB),
)
def create_job(values: Payload, service: Here, owner: Owner, response: Response) -> JobView:
    """Put a painting into the queue.

    The body holds the fields of a request; `id` may bring a UUID of your own, so that asking twice paints once.
    """
    id = values.pop("id", None)
    if id is not None and not isinstance(id, str):
        raise InvalidRequest("id 要是一个 UUID。", "id must be a UUID.", field="id")
    job = submit(read_values(values, allow_urls=service.allow_urls), service, owner=owner, id=id)
    response.headers["Location"] = address(job)
    return job_view(job)


@router.get("", responses=problems(*READS, 404, 422))
def list_jobs(
    service: Here,
    owner: Owner,
    state: Annotated[list[State] | None, Query(description="Only jobs in these states.", max_length=5)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[UUID | None, Query(description="Id of the last job of the page before.")] = None,
) -> JobList:
    """Your jobs, newest first."""
    last = None if before is None else str(before)
    found = service.runtime.jobs(owner=owner or None, states=state or (), limit=limit + 1, before=last)
    return JobList(data=tuple(job_view(job) for job in found[:limit]), has_more=len(found) > limit)


@router.get("/{job_id}", responses=problems(*FINDS))
def get_job(job: Own) -> JobView:
    """A job as it stands: state, position in the queue, step, seconds left, and what is finished."""
    return job_view(job)


@router.delete("/{job_id}", responses=problems(*CHANGES))
def cancel_job(
    job: Own,
    service: Here,
    forget: Annotated[bool, Query(description="Also delete a job that has ended, pictures and all.")] = False,
) -> JobView:
    """Stop a job: a waiting one at once, a running one within a step. On one that has ended this does nothing."""
    stopped = service.runtime.cancel(job.id)
    view = job_view(stopped)
    if forget:
        service.runtime.forget(job.id)
    return view


@router.post("/{job_id}/resume", status_code=202, responses=problems(*CHANGES, 429))
def resume_job(job: Own, service: Here) -> JobView:
    """Go on with a failed or cancelled job where it stopped; its pictures come out as if it had never stopped."""
    return job_view(service.runtime.resume(job.id))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={200: openapi_responses.event_stream("The job's events"), **problems(*FINDS)},
)
def follow_job(
    job: Own,
    service: Here,
    last_event_id: Annotated[str, Header(description="Number of the last event seen; those after it follow.")] = "0",
) -> StreamingResponse:
    """Server-sent events: `started`, `stepped`, `previewed`, `completed` and so on, at last `ended` with the job.

    After a break, Last-Event-ID goes on where it was. `stopping` says that the server goes down; the job will go on.
    """
    if not (last_event_id.isdecimal() and last_event_id.isascii() and len(last_event_id) < 19):
        zh, en = "Last-Event-ID 要是一个整数。", "Last-Event-ID must be a whole number."
        raise InvalidRequest(zh, en, field="Last-Event-ID")
    stream = _events(job, service, int(last_event_id))
    return StreamingResponse(stream, media_type="text/event-stream", headers=openapi_responses.STREAM_HEADERS)


async def _events(job: Job, service: Service, after: int) -> AsyncIterator[bytes]:
    async for numbered in service.feed.events(job.id, after=after):
        if numbered is None:
            yield KEEPALIVE_COMMENT
            continue
        data = await run_in_threadpool(event_data, job, numbered)
        yield format_sse_event(
            data_str=json.dumps(data, ensure_ascii=False), event=numbered.event.type, id=str(numbered.number)
        )
    ended = await run_in_threadpool(service.runtime.get, job.id)
    view = await run_in_threadpool(job_view, ended)
    yield format_sse_event(data_str=view.model_dump_json(), event="ended" if ended.over else "stopping")
