"""What callers see of a job: never a path of the server, only addresses of its own routes."""

from collections.abc import Mapping
from typing import Literal

from danqing.client.schemas import FailureView, JobView, PictureView
from danqing.events import Completed, Previewed, Started
from danqing.jobs import Job, Numbered
from danqing.request import Request
from danqing.server.request_parsing import SERVERS_OWN

Kind = Literal["png", "gif", "webp", "mp4"]
TYPES: Mapping[str, str] = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}


def job_view(job: Job) -> JobView:
    """A job for its caller."""
    home, failure = address(job), job.failure
    numbers = [int(file.stem) for file in job.pictures]
    seed = job.request.seed or 0
    return JobView(
        id=job.id,
        state=job.state,
        cancelling=job.cancelling,
        model=job.model,
        created=job.created,
        started=job.started,
        ended=job.ended,
        position=job.position,
        picture=job.picture,
        step=job.step,
        steps=job.steps,
        progress=round(job.share, 4),
        seconds_left=job.seconds_left,
        failure=None if failure is None else FailureView(reason=failure.reason, zh=failure.zh, en=failure.en),
        pictures=tuple(PictureView(number=n, seed=seed + n, url=f"{home}/pictures/{n}.png") for n in numbers),
        animations=tuple(f"{home}/pictures/{int(file.stem)}{file.suffix}" for file in job.animations),
        sheet=f"{home}/sheet.png" if job.sheet else None,
        events=f"{home}/events",
        request=plain(job.request),
        start=f"{home}/start" if job.request.init_image else None,
    )


def plain(request: Request) -> dict[str, object]:
    """The fields that the caller may give, as JSON, without a start picture."""
    return request.model_dump(mode="json", exclude={*SERVERS_OWN, "init_image"})


def event_data(job: Job, numbered: Numbered) -> dict[str, object]:
    """An event as JSON values: instead of its picture there is the picture's address."""
    event = numbered.event
    match event:
        case Started():
            return {**event.model_dump(mode="json", exclude={"request"}), "request": plain(event.request)}
        case Previewed():
            url = f"{address(job)}/previews/{event.picture}/{event.step}.png" if numbered.file else None
            return {**event.model_dump(mode="json", exclude={"image"}), "url": url}
        case Completed():
            url = f"{address(job)}/pictures/{event.picture}.png"
            return {**event.model_dump(mode="json", exclude={"image"}), "url": url}
        case _:
            return event.model_dump(mode="json")


def address(job: Job) -> str:
    """Where a job is found on this server."""
    return f"/v1/jobs/{job.id}"
