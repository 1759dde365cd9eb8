"""`/livez`, `/readyz` and `/metrics`: for orchestrators and for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from danqing.server.dependencies import Service, service_of
from danqing.server.openapi_responses import READS, problems

router = APIRouter(tags=["operation"])

Here = Annotated[Service, Depends(service_of)]
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Alive(BaseModel):
    """The process answers."""

    alive: bool = True


class Ready(BaseModel):
    """Whether work that comes in now gets painted, and why not."""

    ready: bool
    workers: int = Field(description="Workers that are ready.")
    workers_wanted: int
    disk_ok: bool
    stopping: bool
    queued: int
    painting: int


@router.get("/livez")
def livez() -> Alive:
    """Whether the process answers; restart it when not."""
    return Alive()


@router.get(
    "/readyz", responses={503: {"model": Ready, "description": "A worker is away, the disk full, or it stops."}}
)
def readyz(service: Here, response: Response) -> Ready:
    """Whether to send work here."""
    health = service.runtime.health()
    stopping = health.stopping or service.feed.closing
    ready = health.ready and not stopping
    response.status_code = 200 if ready else 503
    return Ready(
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
    response_class=Response,
    responses={200: {"description": "Prometheus' text format", "content": {TEXT: {"schema": {"type": "string"}}}}}
    | problems(*READS),
)
def metrics(service: Here) -> Response:
    """Jobs, seconds of waiting and painting, speed, failures by reason, HTTP requests."""
    return Response(service.meters.show(service.runtime), headers={"Content-Type": TEXT})
