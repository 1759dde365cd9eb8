"""What a service says of a job, as JSON: both ends of the wire read these."""

from pydantic import BaseModel, ConfigDict, Field

from danqing.jobs import Reason, State


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class PictureView(_Shape):
    """A finished picture."""

    number: int = Field(description="0 the first.")
    seed: int = Field(description="Paints this picture again, alone.")
    url: str = Field(description="The PNG; it carries its recipe.")


class FailureView(_Shape):
    """Why a job failed, and what to do next."""

    reason: Reason
    zh: str
    en: str


class JobView(_Shape):
    """A job as it stands. Times are seconds since 1970."""

    id: str
    state: State
    cancelling: bool = Field(description="Cancelled, and ending with the step that is being painted.")
    model: str
    created: float
    started: float | None
    ended: float | None
    position: int | None = Field(description="Jobs that wait before this one; null unless queued.")
    picture: int = Field(description="Number of the first picture of the batch that is being painted.")
    step: int = Field(description="Steps of that batch that are done.")
    steps: int = Field(description="Steps of a batch; 0 until painting has begun.")
    progress: float = Field(description="Share of all its steps that is done, 0 to 1.")
    seconds_left: float | None = Field(description="An estimate; null as long as nothing is known.")
    failure: FailureView | None
    pictures: tuple[PictureView, ...] = Field(description="What is finished so far.")
    animations: tuple[str, ...] = Field(description="Addresses of GIF, WebP or MP4, once the job has finished.")
    sheet: str | None = Field(description="Address of all pictures on one sheet.")
    events: str = Field(description="Address of its events.")
    request: dict[str, object] = Field(
        description="What was asked for, completed; POST it again for the same picture. A start picture is left out."
    )
    start: str | None = Field(default=None, description="Address of the picture that it starts from.")


class JobList(_Shape):
    """A page of jobs, newest first."""

    data: tuple[JobView, ...]
    has_more: bool = Field(description="Whether `before` with the last id brings more.")
