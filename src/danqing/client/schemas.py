"""JSON schemas of jobs, used by the service and by its client."""

from pydantic import BaseModel, ConfigDict, Field

from danqing.jobs import Reason, State


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class PictureView(_Shape):
    """A finished picture."""

    number: int = Field(description="Number of the picture, from 0.")
    seed: int = Field(description="Seed that reproduces this picture alone.")
    url: str = Field(description="URL of the PNG; its metadata contain the request.")
    steps: tuple[int, ...] = Field(default=(), description="Steps after which a job can branch from this picture.")
    changes: dict[str, str] = Field(default={}, description="Fields of the request that differ in this cell of a grid.")


class AxisView(_Shape):
    """The columns or the rows of a grid: a field, its name in two languages, and the values that it takes."""

    field: str
    zh: str
    en: str
    values: tuple[str, ...]


class FailureView(_Shape):
    """The reason of a failure, and what to do next."""

    reason: Reason
    zh: str
    en: str


class NoticeView(_Shape):
    """A message about the request, for example that a prompt is too long."""

    zh: str
    en: str


class JobView(_Shape):
    """A job. Times are seconds since 1970."""

    id: str
    state: State
    cancelling: bool = Field(description="The job was cancelled and stops after the current step.")
    model: str
    created: float
    started: float | None
    ended: float | None
    position: int | None = Field(description="Number of jobs before this one in the queue; null unless queued.")
    picture: int = Field(description="Number of the first picture of the current batch.")
    step: int = Field(description="Finished steps of the current batch.")
    steps: int = Field(description="Steps per batch; 0 until the job starts.")
    progress: float = Field(description="Fraction of all steps that is done, 0 to 1.")
    seconds_left: float | None = Field(description="Estimated remaining time; null if unknown.")
    failure: FailureView | None
    pictures: tuple[PictureView, ...] = Field(description="Finished pictures.")
    grid: tuple[AxisView, ...] = Field(
        default=(),
        description="Columns and rows of a grid, whose pictures are numbered row by row; empty without a grid.",
    )
    animations: tuple[str, ...] = Field(description="URLs of GIF, WebP or MP4 animations of a finished job.")
    sheet: str | None = Field(description="URL of the contact sheet.")
    events: str = Field(description="URL of the event stream.")
    request: dict[str, object] = Field(
        description="The complete request, without its pictures; submit it again for the same picture."
    )
    start: str | None = Field(default=None, description="URL of the initial image.")
    mask: str | None = Field(default=None, description="URL of the mask.")
    seal: str | None = Field(default=None, description="URL of the picture of the seal.")
    notices: tuple[NoticeView, ...] = Field(
        default=(),
        description="Messages about the prompts; not in lists of jobs.",
    )
    is_run: bool = Field(
        default=False, description="Painted on the command line or from Python; can be viewed and deleted only."
    )


class JobList(_Shape):
    """A page of jobs, newest first."""

    data: tuple[JobView, ...]
    has_more: bool = Field(description="True if there are more jobs; pass the last ID as `before`.")
