"""Messages between a runner and its worker processes: one line of JSON each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from danqing.i18n import Text
from danqing.jobs.job import Reason
from danqing.request import Request
from danqing.settings import Settings


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Configure(_Message):
    """The first command. The worker does not read environment variables of its own."""

    type: Literal["configure"] = "configure"
    settings: Settings
    device: str
    models: int = Field(description="Maximum number of loaded models.")
    preload: str = Field(description="Model to load before `Ready`.")
    together: int | None = Field(default=1, description="See `RunnerLimits`.")


class StartJob(_Message):
    """Run a job, or resume it if its folder contains a run."""

    type: Literal["start_job"] = "start_job"
    job: str
    folder: Path
    request: Request


class CancelJob(_Message):
    """End this job after the current step."""

    type: Literal["cancel_job"] = "cancel_job"
    job: str


class EstimateMemory(_Message):
    """Estimate the memory of a request, if its model is loaded; `key` is returned with the answer."""

    type: Literal["estimate_memory"] = "estimate_memory"
    key: str
    request: Request


class Shutdown(_Message):
    """End the current job after its step, then the process."""

    type: Literal["shutdown"] = "shutdown"


class Ready(_Message):
    """The worker waits for jobs. `problem` is the reason if the model could not be loaded."""

    type: Literal["ready"] = "ready"
    problem: Text | None = None


class StartFailed(_Message):
    """The worker cannot run any job, for example because its device does not exist. It exits."""

    type: Literal["start_failed"] = "start_failed"
    problem: Text


class RoomForJobs(_Message):
    """So many jobs of the kind of the current one are painted together on this device."""

    type: Literal["room_for_jobs"] = "room_for_jobs"
    jobs: int


class Heartbeat(_Message):
    """Sent every few seconds."""

    type: Literal["heartbeat"] = "heartbeat"


class StepDone(_Message):
    """A step is completed and recorded."""

    type: Literal["step_done"] = "step_done"
    job: str
    batch: int
    step: int = Field(description="Completed steps of this batch.")
    steps: int
    seconds: float = Field(description="Duration of the step.")


class EventLogged(_Message):
    """Another event was recorded."""

    type: Literal["event_logged"] = "event_logged"
    job: str


class MemoryEstimated(_Message):
    """The answer to `EstimateMemory`."""

    type: Literal["memory_estimated"] = "memory_estimated"
    key: str
    bytes: int | None = Field(description="Null if the model is not loaded.")


class JobEnded(_Message):
    """A job has ended; `reason` and `text` are set if it failed."""

    type: Literal["job_ended"] = "job_ended"
    job: str
    outcome: Literal["finished", "cancelled", "interrupted", "failed"]
    reason: Reason | None = None
    text: Text | None = None


Command = Annotated[Configure | StartJob | CancelJob | EstimateMemory | Shutdown, Field(discriminator="type")]
WorkerMessage = Annotated[
    Ready | StartFailed | RoomForJobs | Heartbeat | StepDone | EventLogged | MemoryEstimated | JobEnded,
    Field(discriminator="type"),
]


def to_line(message: Command | WorkerMessage) -> bytes:
    """Encode a message as one line."""
    return message.model_dump_json().encode() + b"\n"


def command_parser() -> TypeAdapter[Command]:
    """Return the parser of commands: `command_parser().validate_json(line)`."""
    return TypeAdapter(Command)


def message_parser() -> TypeAdapter[WorkerMessage]:
    """Return the parser of messages from a worker."""
    return TypeAdapter(WorkerMessage)
