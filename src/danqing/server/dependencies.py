"""State shared by all routes, and the dependencies that give routes access to it."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from danqing.errors import QueueFull, ServiceStopping
from danqing.jobs import Job, JobRunner
from danqing.request import Request
from danqing.server.api_keys import ApiKeyStore
from danqing.server.errors import ApiError
from danqing.server.event_stream import JobEventStream
from danqing.server.limits import Limits
from danqing.server.metrics import Metrics
from danqing.server.model_registry import ModelRegistry
from danqing.server.signed_links import LinkSigner
from danqing.settings import Settings

MAX_LARGE_BODIES = 8
"""Large request bodies that are received at once; more are answered with 503."""
MAX_DECODING = 8
"""Init images that are decoded or wait for it; more are answered with 503, so that they cannot occupy every thread."""


@dataclass(frozen=True, slots=True)
class Mount:
    """An ASGI application below a path of this service, for example the studio at /ui.

    Attributes:
        path: without a trailing slash.
        title: shown to users.
        app: the application.
        public: its own files need no API key; its requests to the service do.
    """

    path: str
    title: str
    app: ASGIApp
    public: bool = False


@dataclass(frozen=True)
class ServerContext:
    """State of one running service.

    Attributes:
        allowed_hosts: accepted Host headers; empty for any.
        always_requires_key: require an API key even if none exists yet; otherwise one is required once one exists.
        allow_urls: init images may be https addresses.
        mounts: further applications; the security middleware also protects these.
        root_path: path prefix under which a reverse proxy publishes the service, without a trailing slash.
        log_requests: write one log line per request; server errors are always logged.
        probe_threads: reserved for health probes, so that slow requests do not delay them.
    """

    runner: JobRunner
    settings: Settings
    models: ModelRegistry
    api_keys: ApiKeyStore
    job_events: JobEventStream
    limits: Limits = field(default_factory=Limits)
    allowed_hosts: frozenset[str] = frozenset()
    always_requires_key: bool = False
    allow_urls: bool = False
    mounts: tuple[Mount, ...] = ()
    root_path: str = ""
    log_requests: bool = True
    metrics: Metrics = field(default_factory=Metrics)
    links: LinkSigner = field(default_factory=LinkSigner)
    large_bodies: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MAX_LARGE_BODIES)
    )
    decoding: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_DECODING))
    probe_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "probe"))

    @contextmanager
    def decoding_slot(self) -> Generator[None]:
        """Hold one of a few slots for decoding an init image during the block.

        Raises:
            ServiceBusy: the service accepts no jobs, so that decoding would be in vain.
            ApiError: 503, too many images are being decoded.
        """
        reject_when_full(self)
        with limited(self.decoding):
            yield

    @property
    def requires_key(self) -> bool:
        """True if requests need an API key."""
        return self.always_requires_key or bool(self.api_keys.list())


def context_of(connection: HTTPConnection) -> ServerContext:
    """Return the state of the service that received a request."""
    return cast("ServerContext", connection.app.state.context)


async def get_context(connection: HTTPConnection) -> ServerContext:
    """`context_of` as a dependency; async, so that it does not use a thread."""
    return context_of(connection)


async def get_owner(connection: HTTPConnection) -> str:
    """Return the name of the request's API key; empty if none is required."""
    return cast("str", connection.state.owner)


ContextDep = Annotated[ServerContext, Depends(get_context)]
OwnerDep = Annotated[str, Depends(get_owner)]


@contextmanager
def limited(slots: threading.BoundedSemaphore) -> Generator[None]:
    """Hold one slot during the block.

    Raises:
        ApiError: 503, no slot is free.
    """
    if not slots.acquire(blocking=False):
        zh, en = "同时上传的图像太多，请稍后再试。", "Too many images are being uploaded. Try again shortly."
        raise ApiError(503, "busy", zh, en, retry_after=2)
    try:
        yield
    finally:
        slots.release()


def reject_when_full(context: ServerContext) -> None:
    """Reject a new job before the expensive checks if the service is stopping or its queue is full.

    The runner checks again when the job is stored.

    Raises:
        ServiceStopping: the service is shutting down.
        QueueFull: the queue is full.
    """
    if context.job_events.closing:
        raise ServiceStopping(
            "服务正在停止，请稍后再试。", "The service is shutting down. Try again later.", retry_after=10
        )
    if context.runner.health().queued >= context.limits.queue:
        zh = f"队列已满（{context.limits.queue} 个任务在等待），请稍后再试。"
        en = f"The queue is full ({context.limits.queue} jobs are waiting). Try again later."
        raise QueueFull(zh, en, retry_after=10)


def submit_job(
    request: Request, context: ServerContext, *, owner: str, id: str | None = None, retry_seconds: float = 0.0
) -> Job:
    """Queue a request.

    Args:
        request: as received.
        context: state of the service.
        owner: name of the API key.
        id: a UUID chosen by the client.
        retry_seconds: see `JobRunner.submit`.
    Raises:
        DanqingError: the request was rejected; nothing was queued.
    """
    reject_when_full(context)
    resolved = request.with_changes(model=context.models.resolve(request.model))
    context.limits.check(context.models.with_defaults(resolved), context.settings, given=request.model_fields_set)
    return context.runner.submit(resolved, id=id, owner=owner, retry_seconds=retry_seconds)
