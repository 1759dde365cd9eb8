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


class FailureView(_Shape):
    """The reason of a failure, and what to do next."""

    reason: Reason
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
    animations: tuple[str, ...] = Field(description="URLs of GIF, WebP or MP4 animations of a finished job.")
    sheet: str | None = Field(description="URL of the contact sheet.")
    events: str = Field(description="URL of the event stream.")
    request: dict[str, object] = Field(
        description="The complete request, without the initial image; submit it again for the same picture."
    )
    start: str | None = Field(default=None, description="URL of the initial image.")


class JobList(_Shape):
    """A page of jobs, newest first."""

    data: tuple[JobView, ...]
    has_more: bool = Field(description="True if there are more jobs; pass the last ID as `before`.")
