"""What every route reaches: the runtime, what may be asked of it and by whom. Made once when the service starts."""

import threading
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from danqing.errors import ServiceStopping
from danqing.jobs import Job, Runtime
from danqing.request import Request
from danqing.server.api_keys import Keyring
from danqing.server.errors import Refusal
from danqing.server.event_stream import Feed
from danqing.server.limits import Limits
from danqing.server.metrics import Meters
from danqing.server.model_registry import Shelf
from danqing.settings import Settings


class Places:
    """A number of places that are taken and given back; who finds none is asked to come again."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a place; True.

        Raises:
            Refusal: 503, there is none.
        """
        with self._lock:
            if self._free == 0:
                raise Refusal(
                    503,
                    "busy",
                    "同时送来的图像太多，请稍后再试。",
                    "Too many pictures arrive at once; try again shortly.",
                    retry_after=2,
                )
            self._free -= 1
        return True

    def give_back(self) -> None:
        """Leave a place."""
        with self._lock:
            self._free += 1


@dataclass(frozen=True, slots=True)
class Mount:
    """An ASGI application of somebody else's under a path of this service, such as a studio at /ui.

    open: whether its own files need no key; what they ask of the service does.
    """

    path: str
    title: str
    app: ASGIApp
    open: bool = False


@dataclass(frozen=True)
class Service:
    """One running service.

    names: host names under which it may be called; empty for any.
    locked: whether a key is needed even while there is none; else one is needed as soon as there is one.
    allow_urls: whether start pictures may be fetched from the web.
    mounts: what else is reached through this service; the gate stands before it too.
    """

    runtime: Runtime
    settings: Settings
    shelf: Shelf
    keys: Keyring
    feed: Feed
    limits: Limits = field(default_factory=Limits)
    names: frozenset[str] = frozenset()
    locked: bool = False
    allow_urls: bool = False
    mounts: tuple[Mount, ...] = ()
    meters: Meters = field(default_factory=Meters)
    large_bodies: Places = field(default_factory=lambda: Places(8))

    @property
    def keyed(self) -> bool:
        """Whether callers need a key."""
        return self.locked or bool(self.keys.list())


def service_behind(connection: HTTPConnection) -> Service:
    """The service that a request has reached."""
    return cast("Service", connection.app.state.service)


async def service_of(connection: HTTPConnection) -> Service:
    """`service_behind` for routes; async, so that it costs no thread."""
    return service_behind(connection)


async def owner_of(connection: HTTPConnection) -> str:
    """The name of the key that the request carried; empty where the service asks for none."""
    return cast("str", connection.state.owner)


def submit(request: Request, service: Service, *, owner: str, id: str | None = None) -> Job:
    """Put a request into the queue.

    Args:
        request: as the caller gave it.
        owner: name of the caller's key.
        id: a UUID of the caller's.
    Raises:
        DanqingError: the request is refused; nothing was queued.
    """
    if service.feed.closing:
        raise ServiceStopping("服务正在停下，请稍后再试。", "The service is stopping; try again later.", retry_after=10)
    chosen = request.with_changes(model=service.shelf.model(request.model))
    service.limits.check(service.shelf.filled(chosen))
    return service.runtime.submit(chosen, id=id, owner=owner)
