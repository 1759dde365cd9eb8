"""The last step of every route that paints: the model is chosen, the limits are held, the job goes into the queue."""

from danqing.errors import ServiceStopping
from danqing.request import Request
from danqing.runtime import Job
from danqing.server.service import Service


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
    chosen = request.changed(model=service.shelf.model(request.model))
    service.limits.check(service.shelf.filled(chosen))
    return service.runtime.submit(chosen, id=id, owner=owner)
