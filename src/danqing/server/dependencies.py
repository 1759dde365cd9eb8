"""State shared by all routes, and the dependencies that give routes access to it."""

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, cast

from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from danqing.errors import InvalidRequest, ServiceStopping
from danqing.finishing.font_catalog import FONTS
from danqing.finishing.options import MAX_CHARACTERS, is_picture
from danqing.jobs import Job, JobRunner
from danqing.jobs.other_runs import OtherRuns
from danqing.request import Request
from danqing.server.api_keys import ApiKeyStore
from danqing.server.errors import ApiError
from danqing.server.event_stream import JobEventStream
from danqing.server.label_policy import LabelPolicy
from danqing.server.limits import Limits
from danqing.server.metrics import Metrics
from danqing.server.model_registry import ModelRegistry
from danqing.server.signed_links import LinkSigner
from danqing.settings import Settings
from danqing.zoo.resolve_request import fit_canvas

MAX_LARGE_BODIES = 8
"""Large request bodies that are received at once; more are answered with 503."""
MAX_SUBMITTING = 2
"""Requests that are checked and queued at once. More threads would delay the event loop, which needs the same interpreter lock."""
MAX_DECODING = 8
"""Initial images that are decoded or wait for it; more are answered with 503, so that they cannot occupy every thread."""


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
        allow_urls: initial images may be https addresses.
        mounts: further applications; the security middleware also protects these.
        root_path: path prefix under which a reverse proxy publishes the service, without a trailing slash; a trusted proxy can
            name another one for a request.
        log_requests: write one log line per request; server errors are always logged.
        label_policy: whether pictures are marked "AI生成".
        runs: the runs of the command line, shown while no API key is required; None on a public service.
        selected_models: the model selected by each API key with AUTOMATIC1111's `options`.
        turns: held by the request whose turn it is; see `wait_for_turn`.
        parsing: the thread that parses large bodies, one at a time.
        submitting: limits the requests that are checked and queued at once.
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
    label_policy: LabelPolicy = field(default_factory=LabelPolicy)
    runs: OtherRuns | None = None
    selected_models: dict[str, str] = field(default_factory=dict[str, str])
    metrics: Metrics = field(default_factory=Metrics)
    links: LinkSigner = field(default_factory=LinkSigner)
    large_bodies: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MAX_LARGE_BODIES)
    )
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    parsing: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "parsing"))
    submitting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_SUBMITTING))
    decoding: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MAX_DECODING))
    probe_threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "probe"))

    async def wait_for_turn(self) -> None:
        """Wait until no other request has its turn in this iteration of the event loop, so that probes run in between."""
        async with self.turns:
            await asyncio.sleep(0)

    @contextmanager
    def decoding_slot(self) -> Generator[None]:
        """Hold one of a few slots for decoding an initial image during the block.

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

    @property
    def visible_runs(self) -> OtherRuns | None:
        """The runs of the command line; None if clients may not see them."""
        return None if self.requires_key else self.runs


def context_of(connection: HTTPConnection) -> ServerContext:
    """Return the state of the service that received a request, with the root path of this request."""
    context = cast("ServerContext", connection.app.state.context)
    root_path = connection.scope["root_path"]
    return context if root_path == context.root_path else replace(context, root_path=root_path)


async def get_context(connection: HTTPConnection) -> ServerContext:
    """`context_of` as a dependency; async, so that it does not use a thread."""
    return context_of(connection)


async def get_owner(connection: HTTPConnection) -> str:
    """Return the name of the request's API key; empty if none is required."""
    return cast("str", connection.state.owner)


ApiKey = Security(HTTPBearer(auto_error=False, description="Required once the service has API keys."))
"""Declares the API key in the OpenAPI document; `SecurityMiddleware` checks it."""
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


def reject_when_stopping(context: ServerContext) -> None:
    """Raise `ServiceStopping` if the service is shutting down."""
    if context.job_events.closing:
        zh, en = "服务正在停止，请稍后再试。", "The service is shutting down. Try again later."
        raise ServiceStopping(zh, en, retry_after=10)


def reject_when_full(context: ServerContext) -> None:
    """Reject a new job before the expensive checks if the service is stopping or its queue is full.

    The runner checks again when the job is stored.

    Raises:
        ServiceStopping: the service is shutting down.
        QueueFull: the queue is full.
    """
    reject_when_stopping(context)
    context.runner.reject_when_full()


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
    reject_when_stopping(context)
    if id is None and not retry_seconds:  # the job of a repeated call may exist
        context.runner.reject_when_full()
    _reject_files(request)
    with context.submitting:
        request = context.label_policy.apply(request)
        resolved = fit_canvas(request.model_copy(update={"model": context.models.resolve(request.model)}), offline=True)
        context.limits.check(context.models.with_defaults(resolved), context.settings, given=request.model_fields_set)
        job = context.runner.submit(resolved, id=id, owner=owner, retry_seconds=retry_seconds)
    context.label_policy.record(job)
    return job


def _reject_files(request: Request) -> None:
    """Raise InvalidRequest for a font or a seal that would be read from a file of the server."""
    if request.font not in ("auto", *FONTS):
        raise InvalidRequest(
            f"服务没有字体“{request.font[:60]}”，可用的字体：auto、{'、'.join(FONTS)}。",
            f"The service has no font {request.font[:60]!r}. Fonts: auto, {', '.join(FONTS)}.",
            field="font",
        )
    if request.seal and is_picture(request.seal) and not request.seal.startswith("data:"):
        raise InvalidRequest(
            f"印章须为 1 到 {MAX_CHARACTERS} 个字，或图片 data:image/png;base64,…。",
            f"The seal must be 1 to {MAX_CHARACTERS} characters, or a picture data:image/png;base64,….",
            field="seal",
        )
