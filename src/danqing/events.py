"""Events of a run. The console, the run folder, the service and the studio all consume this one stream."""

import base64
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, TypeAdapter, WithJsonSchema

from danqing.i18n import Text
from danqing.request import Request

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

_PNG_URI = "data:image/png;base64,"


def to_data_uri(image: "PilImage") -> str:
    """Encode an image as a PNG data URI."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return _PNG_URI + base64.b64encode(buffer.getvalue()).decode()


def from_data_uri(uri: str) -> "PilImage":
    """Decode a PNG data URI made by `to_data_uri`."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(_PNG_URI))), formats=("PNG",))
    image.load()
    return image


def _read_image(value: object) -> object:
    return from_data_uri(value) if isinstance(value, str) else value


# A PIL image in memory. In JSON a data URI, or null if the image is stored in a file of its own.
Picture = Annotated[
    Any,
    PlainValidator(_read_image),
    PlainSerializer(lambda image: to_data_uri(cast("PilImage", image)), return_type=str),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ResourceEstimate(BaseModel):
    """Memory and time that a run is expected to need, estimated before it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: int = Field(description="Peak memory in bytes: the sum of the three parts below.")
    in_use: int = Field(description="Bytes already in use: by the process, or on a GPU by its tensors.")
    unloaded_weights: int = Field(description="Bytes of weights that are not loaded yet.")
    peak_activations: int = Field(description="Bytes that the largest step needs for activations.")
    limit: int | None = Field(description="Bytes that may be used; null if unknown.")
    step_seconds: float | None = Field(default=None, description="Mean seconds per step; null if not measured.")
    seconds: float | None = Field(default=None, description="Seconds for all steps of the run; null if not measured.")

    @property
    def fits(self) -> bool:
        """True if the estimate is within the limit, or the limit is unknown."""
        return self.limit is None or self.memory <= self.limit


class Started(_Event):
    """A run has started. `request` is complete: it includes the model's defaults and the seed."""

    type: Literal["started"] = "started"
    request: Request
    model: str
    device: str
    seeds: tuple[int, ...] = Field(
        description="Seed of each picture: picture k uses seed + k, or the seed of its cell in a grid."
    )
    steps: int = Field(description="Steps per batch, without skipped ones; in a grid those of the first picture.")
    estimate: ResourceEstimate | None = None
    prompts: tuple[str, ...] = Field(
        default=(),
        description="Texts of the prompts without weights, in the order of `strengths` in the event `stepped`.",
    )


class _Message(_Event):
    zh: str
    en: str

    @property
    def text(self) -> Text:
        """The message in both languages."""
        return Text(self.zh, self.en)


class Warned(_Message):
    """A warning for the user; the run continues."""

    type: Literal["warned"] = "warned"


class MemoryReduced(_Message):
    """The run switched to a slower mode that needs less memory; the pictures do not change."""

    type: Literal["memory_reduced"] = "memory_reduced"
    cause: Literal["plan", "out_of_memory"] = Field(
        description="plan: decided before the run; out_of_memory: after an allocation failed."
    )
    cutout_chunk: int = Field(description="Cutouts of each picture that a CLIP encodes at a time.")
    checkpointing: bool = Field(
        description="The U-Net recomputes activations in the backward pass instead of storing them."
    )


class Stepped(_Event):
    """One step of one batch has finished."""

    type: Literal["stepped"] = "stepped"
    batch: int
    step: int = Field(description="0..steps-1, counted from the first (noisiest) step that is run.")
    steps: int
    loss: float | None = Field(default=None, description="Guidance loss, mean over the batch; null if unguided.")
    distances: tuple[float, ...] = Field(
        default=(),
        description="CLIP distance of each of several prompts, then of the reference pictures, mean over the batch; empty if "
        "not measured.",
    )
    strengths: tuple[float, ...] = Field(
        default=(),
        description="Strength with which each of them guides the pictures, comparable within a run; negative if it leads away.",
    )
    nan: bool = Field(default=False, description="The guidance gradient was not finite, so this step was not guided.")
    seconds: float = Field(default=0.0, description="Duration of the step in seconds.")

    @property
    def batches_done(self) -> float:
        """Number of finished batches, the current one in part."""
        return self.batch + (self.step + 1) / self.steps


class Upscaled(_Event):
    """A tile of a finished picture has been enlarged."""

    type: Literal["upscaled"] = "upscaled"
    picture: int = Field(description="Number of the picture in the run, 0 the first.")
    tile: int = Field(description="Tiles that are finished, 1..tiles.")
    tiles: int
    seconds: float = Field(default=0.0, description="Duration of the tile in seconds.")


class Previewed(_Event):
    """A preview: the network's current estimate of the clean picture."""

    type: Literal["previewed"] = "previewed"
    picture: int = Field(description="Number of the picture in the run, 0 the first.")
    step: int
    last: bool = Field(description="True for the finished picture.")
    image: Picture | None


class Completed(_Event):
    """A picture has finished."""

    type: Literal["completed"] = "completed"
    picture: int
    seed: int
    image: Picture | None
    nan_steps: int = Field(default=0, description="Steps that were not guided because the gradient was not finite.")


class Failed(_Message):
    """The run stopped early; the pictures completed so far are saved."""

    type: Literal["failed"] = "failed"
    reason: Literal["interrupted", "out_of_memory", "nan", "storage", "error"]
    batch: int
    step: int


class Downloaded(_Event):
    """Progress of a weight file being downloaded."""

    type: Literal["downloaded"] = "downloaded"
    file: str
    bytes: int
    total: int | None = None


Event = Annotated[
    Started | Warned | MemoryReduced | Stepped | Upscaled | Previewed | Completed | Failed | Downloaded,
    Field(discriminator="type"),
]


def to_json(event: Event) -> str:
    """Serialise an event as one line of JSON."""
    return event.model_dump_json()


def from_json(line: str) -> Event:
    """Parse a line written by `to_json`.

    Raises:
        pydantic.ValidationError: the line is not a valid event.
    """
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    return adapter.validate_json(line)
