"""The request: all parameters of a painting.

The command-line options, the JSON schema, the studio's form and the documentation are generated from its fields.
"""

from collections.abc import Mapping
from typing import Self, cast

from pydantic import ValidationError, model_validator

from danqing.errors import InvalidRequest
from danqing.finishing.options import canvas_size
from danqing.normalize import normalize_characters
from danqing.prompt import Prompt, parse_prompts
from danqing.request.clip_weights import ClipWeight, parse_clip_weight
from danqing.request.editing import check_editing, check_reference_weights, editing_defaults
from danqing.request.field_types import SIZE_MULTIPLE, GuideThrough, Quality, Sampler, Saved, Symmetry, nearest_sizes
from danqing.request.finish_fields import FinishFields
from danqing.request.grid import parse_grid, read_grid
from danqing.request.references import Reference, parse_reference
from danqing.request.request_fields import RequestFields
from danqing.request.validation import unknown_field_error, validation_error
from danqing.schedule import MAX_TEXT

__all__ = [
    "SIZE_MULTIPLE",
    "ClipWeight",
    "GuideThrough",
    "Quality",
    "Request",
    "Sampler",
    "Saved",
    "Symmetry",
    "nearest_sizes",
    "read_request",
]

_TEXT_FIELDS = frozenset(
    {
        "prompts",
        "style",
        "artist",
        "batch_name",
        "grid",
        "init_image",
        "mask",
        "like",
        "branch",
        "clip",
        "model",
        "upscaler",
        "device",
        "inscription",
        "signature",
        "font",
        "seal",
    }
)


class Request(FinishFields, RequestFields):
    """Parameters of a painting. Immutable; fields that are not set take the model's defaults, see `with_defaults`."""

    @model_validator(mode="before")
    @classmethod
    def _normalize_values(cls, values: object) -> object:
        """Reject unknown names, with a suggestion; accept full-width digits in the texts of numbers and choices."""
        if not isinstance(values, Mapping):
            return values
        given = cast("Mapping[str, object]", values)
        for name in given:
            if name not in cls.model_fields:
                raise unknown_field_error(name, cls.model_fields)
        return _count_grid({name: _normalize(name, value) for name, value in given.items()})

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if "steps" in self.model_fields_set:  # otherwise the model's number of steps is not known yet
            self._check_skipped_steps()
        _check_canvas(self.size, self.upscale)
        check_editing(self)
        check_reference_weights(self, [prompt.weight for prompt in self.parsed_prompts()])
        self.cells()  # raises InvalidRequest for a wrong value
        return self

    def _check_skipped_steps(self) -> None:
        if self.skip_steps >= self.steps:
            raise InvalidRequest(
                f"跳过的步数（{self.skip_steps}）必须小于总步数（{self.steps}）。",
                f"The number of skipped steps ({self.skip_steps}) must be smaller than the number of steps ({self.steps}).",
                field="skip_steps",
            )

    def parsed_prompts(self) -> tuple[Prompt, ...]:
        """Return the parsed prompts, with style and artist appended to the first."""
        return parse_prompts(self.prompts, style=self.style, artist=self.artist)

    def cells(self) -> "tuple[Request, ...]":
        """Return the request of each picture of the grid, row by row; empty without a grid.

        Raises:
            InvalidRequest: a value of the grid is invalid.
        """
        if self.grid is None:
            return ()
        return tuple(self.with_changes(grid=None, n_batches=1, **changes) for changes in parse_grid(self.grid).cells())

    def of_picture(self, number: int) -> "Request":
        """Return the request that a picture of the run was painted with: its cell of the grid, or this request.

        Args:
            number: of the picture, from 0.
        """
        if self.grid is None:
            return self
        return self.with_changes(grid=None, n_batches=1, **parse_grid(self.grid).cells()[number])

    def seed_of(self, number: int) -> int:
        """Return the seed of a picture of a complete request."""
        return (self.seed or 0) + number if self.grid is None else self.of_picture(number).seed or 0

    def clip_weights(self) -> tuple[ClipWeight, ...]:
        """Return the parsed CLIPs; empty for those of the model."""
        return tuple(parse_clip_weight(clip) for clip in self.clip)

    def references(self) -> tuple[Reference, ...]:
        """Return the parsed reference pictures."""
        return tuple(parse_reference(text) for text in self.like)

    @property
    def skipped_steps(self) -> int:
        """Number of noisiest steps that are skipped, as given or as the strength of the change requires."""
        if self.strength is None:
            return self.skip_steps
        return self.steps - (max(1, round(self.steps * self.strength)) if self.strength else 0)

    def with_defaults(self, defaults: Mapping[str, object]) -> "Request":
        """Return a copy in which fields that are not set have the defaults of a model, or follow from the format.

        Raises:
            InvalidRequest: the model's number of steps is not larger than `skip_steps`.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if self.format is not None:
            usual = read_request({**defaults, "prompts": self.prompts})
            width, height = canvas_size(self.format, usual.canvas, multiple=SIZE_MULTIPLE)
            factor = self.upscale if "upscale" in given else usual.upscale
            given = {"size": (width * factor, height * factor), "mount": self.format, **given}
        completed = read_request({**defaults, **editing_defaults(self), **given})
        completed._check_skipped_steps()
        return completed

    def with_changes(self, **changes: object) -> "Request":
        """Return a validated copy with some fields replaced."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return read_request({**given, **changes})

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height that are painted, before the picture is enlarged to `size`."""
        return self.size[0] // self.upscale, self.size[1] // self.upscale

    @property
    def image_count(self) -> int:
        """Number of pictures of the request."""
        return self.n_batches * self.batch_size

    def to_dict(self) -> dict[str, object]:
        """Return the fields that are set, as JSON values."""
        return self.model_dump(mode="json", include=self.model_fields_set)


def read_request(values: Mapping[str, object]) -> Request:
    """Build a request from plain values, as given on a command line, in a file or in JSON.

    Numbers may be texts, with full-width digits.

    Raises:
        InvalidRequest: a value or a name is invalid; the message describes the first problem and how to fix it.
    """
    try:
        return Request.model_validate(values)
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error


def _count_grid(values: dict[str, object]) -> dict[str, object]:
    """Set the number of batches to the number of pictures of a grid, each of which is a batch of its own.

    Raises:
        InvalidRequest: the grid is invalid, or several pictures are requested for each of its cells.
    """
    grid = read_grid(values.get("grid"))
    if not isinstance(grid, str):
        return values
    if str(values.get("batch_size", 1)) != "1":
        raise InvalidRequest(
            "对照表的每一格只画一幅，不能用 batch_size。",
            "A grid has one picture in each cell; do not use batch_size with it.",
            field="batch_size",
        )
    count = len(parse_grid(grid).cells())
    if str(values.get("n_batches", 1)) not in ("1", str(count)):
        raise InvalidRequest(
            f"对照表有 {count} 幅，每一格一幅，不能再用 n_batches。",
            f"The grid has {count} pictures, one in each cell; do not use n_batches with it.",
            field="n_batches",
        )
    return {**values, "grid": grid, "n_batches": count}


def _check_canvas(size: tuple[int, int], upscale: int) -> None:
    """Raise InvalidRequest unless the canvas, the size divided by the factor, has sides in multiples of 64."""
    unit = SIZE_MULTIPLE * upscale
    if size[0] % unit == 0 and size[1] % unit == 0:
        return
    nearest = dict.fromkeys(f"{width}x{height}" for width, height in nearest_sizes(*size, unit))
    raise InvalidRequest(
        f"画幅 {size[0]}x{size[1]} 不能放大 {upscale} 倍画成：宽和高都必须是 {unit} 的倍数。"
        f"最接近的是 {'、'.join(nearest)}；或减小放大倍数。",
        f"The size {size[0]}x{size[1]} cannot be reached by enlarging {upscale} times: both sides must be multiples of {unit}. "
        f"Nearest: {', '.join(nearest)}; or use a smaller factor.",
        field="size",
    )


def _normalize(name: str, value: object) -> object:
    """Replace full-width digits and signs in the text of a number or a choice."""
    if not isinstance(value, str) or name in _TEXT_FIELDS or value.isascii() or len(value) > MAX_TEXT:
        return value
    return normalize_characters(value)
