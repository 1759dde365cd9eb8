"""What happens during a run, as one stream of frozen events: every renderer (console, store, server, studio) reads these."""

import base64
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, TypeAdapter, WithJsonSchema

from danqing.request import Request

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_PNG_URI = "data:image/png;base64,"


def to_data_uri(image: "PilImage") -> str:
    """A picture as a PNG data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return _PNG_URI + base64.b64encode(buffer.getvalue()).decode()


def from_data_uri(uri: str) -> "PilImage":
    """The picture behind a PNG data URI made by `to_data_uri`."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(_PNG_URI))), formats=("PNG",))
    image.load()
    return image


def _read_image(value: object) -> object:
    return from_data_uri(value) if isinstance(value, str) else value


# In memory a PIL image; in JSON a data URI, or null where the store has put the picture into a file of its own.
Picture = Annotated[
    Any,
    PlainValidator(_read_image),
    PlainSerializer(lambda image: to_data_uri(cast("PilImage", image)), return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Forecast(BaseModel):
    """What a run is expected to take, worked out before it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: int = Field(description="Bytes at the worst moment: the three parts below together.")
    held: int = Field(description="Bytes that the program held when it was asked; on a GPU those of its tensors.")
    weights: int = Field(description="Bytes of weights that were still to be read.")
    work: int = Field(description="Bytes of the worst step.")
    limit: int | None = Field(description="Bytes that may be used; null where nobody knows.")
    step_seconds: float | None = Field(default=None, description="Mean of all steps; null where it was not measured.")
    seconds: float | None = Field(default=None, description="All steps of the run together.")

    @property
    def fits(self) -> bool:
        """Whether there is memory enough."""
        return self.limit is None or self.memory <= self.limit


class Started(_Event):
    """The run begins. `request` is complete: the model's defaults and the seed are filled in."""

    type: Literal["started"] = "started"
    request: Request
    model: str
    device: str
    seeds: tuple[int, ...] = Field(description="The seed of every picture; picture k uses seed + k.")
    steps: int = Field(description="Steps that will be run for a batch, skipped ones left out.")
    forecast: Forecast | None = None


class Warned(_Event):
    """Something the user should know, in both languages; the run goes on."""

    type: Literal["warned"] = "warned"
    zh: str
    en: str


class Adapted(_Event):
    """The run takes less memory at once and more time, so that it fits; its pictures stay the same."""

    type: Literal["adapted"] = "adapted"
    cause: Literal["plan", "out_of_memory"] = Field(description="Decided beforehand, or after memory ran out.")
    cuts_at_once: int = Field(description="Cuts of each picture that a CLIP sees in one go.")
    checkpointing: bool = Field(description="The U-Net's inner values are worked out again instead of kept.")
    zh: str
    en: str


class Stepped(_Event):
    """One step of one batch is done."""

    type: Literal["stepped"] = "stepped"
    batch: int
    step: int = Field(description="0..steps-1, counted from the noisiest step that is run.")
    steps: int
    loss: float | None = Field(default=None, description="The guidance loss, mean over the batch; null when unguided.")
    nan: bool = Field(default=False, description="The guidance gradient was not finite and was left out of this step.")
    seconds: float = Field(default=0.0, description="Seconds this step took.")


class Previewed(_Event):
    """A look at a picture on its way: the network's own estimate of the clean picture."""

    type: Literal["previewed"] = "previewed"
    picture: int = Field(description="Number of the picture in the run, 0 the first.")
    step: int
    last: bool = Field(description="Whether this is the finished picture.")
    image: Picture | None


class Completed(_Event):
    """A picture is finished."""

    type: Literal["completed"] = "completed"
    picture: int
    seed: int
    image: Picture | None
    nan_steps: int = Field(default=0, description="Steps that went unguided because the gradient was not finite.")


class Failed(_Event):
    """The run stopped before its end; all pictures completed so far are kept."""

    type: Literal["failed"] = "failed"
    reason: Literal["interrupted", "out_of_memory", "nan", "storage", "error"]
    zh: str
    en: str
    batch: int
    step: int


class Downloaded(_Event):
    """Progress of a weight file on its way to this machine."""

    type: Literal["downloaded"] = "downloaded"
    file: str
    bytes: int
    total: int | None = None


Event = Annotated[
    Started | Warned | Adapted | Stepped | Previewed | Completed | Failed | Downloaded, Field(discriminator="type")
]


def to_json(event: Event) -> str:
    """One line of JSON."""
    return event.model_dump_json()


def from_json(line: str) -> Event:
    """The event behind a line that `to_json` wrote.

    Raises:
        pydantic.ValidationError: the line is not an event.
    """
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    return adapter.validate_json(line)
