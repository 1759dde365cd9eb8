"""What a runtime and its worker process say to each other: one line of JSON each."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from danqing.jobs.job import Reason
from danqing.request import Request
from danqing.settings import Settings


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Begin(_Message):
    """The first order: the environment to work in, so that a worker never reads its own."""

    type: Literal["begin"] = "begin"
    settings: Settings
    device: str
    models: int = Field(description="Models to keep loaded.")


class Paint(_Message):
    """Paint this job, or go on with it where its folder says that it was begun."""

    type: Literal["paint"] = "paint"
    job: str
    folder: Path
    request: Request


class Cancel(_Message):
    """End this job with the step that is being painted."""

    type: Literal["cancel"] = "cancel"
    job: str


class Stop(_Message):
    """End the job in hand with its step, and the process after it."""

    type: Literal["stop"] = "stop"


class Ready(_Message):
    """The worker has its libraries loaded and waits for orders."""

    type: Literal["ready"] = "ready"


class Alive(_Message):
    """Said every few seconds, whatever is going on."""

    type: Literal["alive"] = "alive"


class Moved(_Message):
    """A step is done, and written down."""

    type: Literal["moved"] = "moved"
    job: str
    batch: int
    step: int = Field(description="Steps of this batch that are done.")
    steps: int
    seconds: float = Field(description="What the step took.")


class Noted(_Message):
    """Another event was written down."""

    type: Literal["noted"] = "noted"
    job: str


class Ended(_Message):
    """The worker has let go of a job; `reason` and the sentences are there when it failed."""

    type: Literal["ended"] = "ended"
    job: str
    outcome: Literal["finished", "cancelled", "interrupted", "failed"]
    reason: Reason | None = None
    zh: str = ""
    en: str = ""


Order = Annotated[Begin | Paint | Cancel | Stop, Field(discriminator="type")]
Report = Annotated[Ready | Alive | Moved | Noted | Ended, Field(discriminator="type")]


def to_line(message: Order | Report) -> bytes:
    """A message as one line."""
    return message.model_dump_json().encode() + b"\n"


def order_reader() -> TypeAdapter[Order]:
    """Reads orders: `order_reader().validate_json(line)`."""
    return TypeAdapter(Order)


def report_reader() -> TypeAdapter[Report]:
    """Reads reports."""
    return TypeAdapter(Report)
