"""JSON views of jobs. They contain URLs of this service, never paths of its file system."""

from collections.abc import Iterable, Mapping
from typing import Literal

from danqing.client.schemas import AxisView, FailureView, JobView, NoticeView, PictureView
from danqing.events import Completed, Previewed, Started
from danqing.i18n import Text
from danqing.jobs import Job, NumberedEvent
from danqing.request.labels import field_label
from danqing.request.pictures import PLACEHOLDER, holds_picture, picture_sources, replace_pictures
from danqing.results.branching import stored_steps
from danqing.server.fields import FIELDS

Kind = Literal["png", "gif", "webp", "mp4"]
MEDIA_TYPES: Mapping[str, str] = {"png": "image/png", "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4"}


def job_view(job: Job, root_path: str, notices: Iterable[Text] = ()) -> JobView:
    """Return the view of a job.

    Args:
        job: the job.
        root_path: path prefix of the service, see `ServerContext.root_path`.
        notices: messages about its prompts.
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
        pictures=tuple(
            PictureView(
                number=n,
                seed=_seed(job, n),
                url=f"{url}/pictures/{n}.png",
                steps=_stored_steps(job, n),
                changes=_changes(job, n),
            )
            for n in numbers
        ),
        grid=_grid_view(job),
        animations=tuple(f"{url}/pictures/{int(file.stem)}{file.suffix}" for file in job.animations),
        sheet=f"{url}/sheet.png" if job.sheet else None,
        events=f"{url}/events",
        request=public_fields(job.values),
        start=f"{url}/start" if job.init_image else None,
        mask=f"{url}/mask" if job.mask else None,
        seal=f"{url}/seal" if job.seal else None,
        notices=notice_views(notices),
        is_run=job.is_run,
    )


def _stored_steps(job: Job, number: int) -> tuple[int, ...]:
    saved = job.values.get("save")
    return (
        stored_steps(job.folder, number // job.batch_size)
        if isinstance(saved, list | tuple) and "steps" in saved
        else ()
    )


def _changes(job: Job, number: int) -> dict[str, str]:
    """Return the values of the fields that a grid varies, for one of its pictures; empty without a grid."""
    grid = job.grid
    return grid.cells()[number] if grid else {}


def _seed(job: Job, number: int) -> int:
    if job.grid is None:
        return job.seed + number
    seed = _changes(job, number).get("seed", "")
    return int(seed) if seed.isdecimal() else job.seed


def _grid_view(job: Job) -> tuple[AxisView, ...]:
    """Return the columns and the rows of a grid."""
    grid = job.grid
    if grid is None:
        return ()
    axes = [grid.columns] if grid.rows is None else [grid.columns, grid.rows]
    labels = [field_label(axis.field) for axis in axes]
    return tuple(
        AxisView(field=axis.field, zh=label.zh, en=label.en, values=axis.values)
        for axis, label in zip(axes, labels, strict=True)
    )


def notice_views(notices: Iterable[Text]) -> tuple[NoticeView, ...]:
    """Return the views of messages about a request."""
    return tuple(NoticeView(zh=text.zh, en=text.en) for text in notices)


def public_fields(values: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a stored request that clients may set, without its pictures."""
    return {name: value for name, value in values.items() if name in FIELDS and not holds_picture(name, value)}


def event_data(job: Job, numbered: NumberedEvent, root_path: str) -> dict[str, object]:
    """Return an event as JSON values, with the URL of its image instead of the image.

    Pictures of the request are placeholders, so that clients can read it as a valid `Request`.
    """
    event, url = numbered.event, f"{root_path}{job_path(job)}"
    match event:
        case Started():
            values = event.request.model_dump(mode="json")
            values |= replace_pictures(values, dict.fromkeys(picture_sources(values), PLACEHOLDER))
            request = {name: value for name, value in values.items() if name in FIELDS}
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
