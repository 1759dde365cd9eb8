"""JSON views of jobs. They contain URLs of this service, never paths of its file system."""

from collections.abc import Mapping
from typing import Literal

from danqing.client.schemas import FailureView, JobView, PictureView
from danqing.events import Completed, Previewed, Started
from danqing.jobs import Job, NumberedEvent
from danqing.server.fields import FIELDS

Kind = Literal["png", "gif", "webp", "mp4"]
MEDIA_TYPES: Mapping[str, str] = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}


def job_view(job: Job, root_path: str) -> JobView:
    """Return the view of a job.

    Args:
        job: the job.
        root_path: path prefix of the service, see `ServerContext.root_path`.
    """
    url, failure = f"{root_path}{job_path(job)}", job.failure
    numbers = [int(file.stem) for file in job.pictures]
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
        progress=round(job.progress, 4),
        seconds_left=job.seconds_left,
        failure=None if failure is None else FailureView(reason=failure.reason, zh=failure.text.zh, en=failure.text.en),
        pictures=tuple(PictureView(number=n, seed=job.seed + n, url=f"{url}/pictures/{n}.png") for n in numbers),
        animations=tuple(f"{url}/pictures/{int(file.stem)}{file.suffix}" for file in job.animations),
        sheet=f"{url}/sheet.png" if job.sheet else None,
        events=f"{url}/events",
        request=public_fields(job.values),
        start=f"{url}/start" if job.init_image else None,
    )


def public_fields(values: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a stored request that clients may set, without the init image."""
    return {name: value for name, value in values.items() if name in FIELDS and name != "init_image"}


def event_data(job: Job, numbered: NumberedEvent, root_path: str) -> dict[str, object]:
    """Return an event as JSON values, with the URL of its image instead of the image."""
    event, url = numbered.event, f"{root_path}{job_path(job)}"
    match event:
        case Started():
            request = public_fields(event.request.model_dump(mode="json"))
            return {**event.model_dump(mode="json", exclude={"request"}), "request": request}
        case Previewed():
            preview = f"{url}/previews/{event.picture}/{event.step}.png" if numbered.file else None
            return {**event.model_dump(mode="json", exclude={"image"}), "url": preview}
        case Completed():
            return {**event.model_dump(mode="json", exclude={"image"}), "url": f"{url}/pictures/{event.picture}.png"}
        case _:
            return event.model_dump(mode="json")


def job_path(job: Job) -> str:
    """Return the path of a job below the root path of the service."""
    return f"/v1/jobs/{job.id}"
