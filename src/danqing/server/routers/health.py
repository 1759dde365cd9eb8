"""`/livez`, `/readyz` and `/metrics` for orchestrators and Prometheus. They never wait for other requests."""

import asyncio
from functools import partial

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from danqing.server.dependencies import ApiKey, ContextDep
from danqing.server.openapi_responses import READ_ERRORS, error_responses

router = APIRouter(tags=["operation"])

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Liveness(BaseModel):
    """The process responds."""

    alive: bool = True


class Readiness(BaseModel):
    """Readiness of the service to paint new jobs."""

    ready: bool
    workers: int = Field(description="Workers that have loaded their model and can paint.")
    workers_wanted: int
    disk_ok: bool
    stopping: bool
    queued: int
    painting: int


@router.get("/livez")
async def livez() -> Liveness:
    """Liveness probe: restart the process if this fails."""
    return Liveness()


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "No worker is ready, the disk is full, or the server stops."}},
)
async def readyz(context: ContextDep, response: Response) -> Readiness:
    """Readiness probe: send jobs here only while this succeeds."""
    health = await asyncio.get_running_loop().run_in_executor(context.probe_threads, context.runner.health)
    stopping = health.stopping or context.job_events.closing
    ready = health.ready and not stopping
    response.status_code = 200 if ready else 503
    return Readiness(
        ready=ready,
        workers=sum(worker.ready for worker in health.workers),
        workers_wanted=len(health.workers),
        disk_ok=health.disk_ok,
        stopping=stopping,
        queued=health.queued,
        painting=health.painting,
    )


@router.get(
    "/metrics",
    dependencies=[ApiKey],
    response_class=Response,
    responses={200: {"description": "Prometheus' text format", "content": {TEXT: {"schema": {"type": "string"}}}}}
    | error_responses(*READ_ERRORS),
)
async def metrics(context: ContextDep) -> Response:
    """Return metrics of jobs, workers and HTTP requests."""
    render = partial(context.metrics.render, context.runner)
    content = await asyncio.get_running_loop().run_in_executor(context.probe_threads, render)
    return Response(content, headers={"Content-Type": TEXT})
