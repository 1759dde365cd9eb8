"""OpenAI's request for images, and its conversion to a `Request`."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from danqing.errors import InvalidRequest
from danqing.request import Request, read_request
from danqing.request.validation import unknown_field_error
from danqing.server.fields import FIELDS
from danqing.server.job_schema import JobRequest, describe_fields

Format = Literal["png", "jpeg", "webp"]

EXTRA_FIELDS = frozenset(FIELDS) - {
    *("prompts", "size", "model", "n_batches", "batch_size", "quality", "style", "branch")
}
"""Fields of `Request` accepted beside OpenAI's; with the Python client they go into `extra_body`."""

_STYLES = frozenset({"vivid", "natural"})
_IGNORED = "Accepted for compatibility; has no effect."


def _add_extra_fields(schema: dict[str, Any]) -> None:
    """Add the extra fields to OpenAI's; every optional field may be null."""
    describe_fields(schema)
    own = cast("dict[str, object]", schema["properties"])
    extra = cast("dict[str, object]", JobRequest.model_json_schema()["properties"])
    fields = {**{name: extra[name] for name in sorted(EXTRA_FIELDS)}, **own}
    optional = {name: {"anyOf": [field, {"type": "null"}]} for name, field in fields.items() if name != "prompt"}
    schema["properties"] = {"prompt": own["prompt"], **optional}
    schema["additionalProperties"] = False


class ImagesRequest(BaseModel):
    """OpenAI's own fields, and those of `EXTRA_FIELDS`.

    Fields without a meaning here are accepted and have no effect, as their descriptions say.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, json_schema_extra=_add_extra_fields)

    prompt: Annotated[str, Field(min_length=1, max_length=2000, description="What to paint.")]
    model: Annotated[
        str, Field(max_length=200, description="A model of /v1/models; auto and OpenAI's names select the default.")
    ] = "auto"
    n: Annotated[int, Field(ge=1, le=10, description="Number of images; image k uses seed + k.")] = 1
    size: Annotated[
        str, Field(max_length=20, description="WIDTHxHEIGHT, multiples of 64; auto uses the model's default.")
    ] = "auto"
    output_format: Annotated[Format, Field(description="Each contains the parameters of the image and its label.")] = (
        "png"
    )
    output_compression: Annotated[int | None, Field(ge=0, le=100, description="Quality of jpeg and webp.")] = None
    response_format: Annotated[
        Literal["b64_json", "url"], Field(description="url: a link to the PNG, valid for one hour without a key.")
    ] = "b64_json"
    stream: Annotated[bool, Field(description="Respond with server-sent events.")] = False
    partial_images: Annotated[int, Field(ge=0, le=3, description="Previews of each image while streaming.")] = 0
    quality: Annotated[
        Literal["auto", "standard", "hd", "low", "medium", "high", "xhigh", "max", "draft", "fine"],
        Field(description="low: draft; high, xhigh, max and hd: fine; otherwise standard."),
    ] = "auto"
    style: Annotated[
        str | None, Field(max_length=200, description="Style added to the prompt; vivid and natural have no effect.")
    ] = None
    background: Annotated[Literal["auto", "opaque", "transparent"], Field(description="Images are always opaque.")] = (
        "auto"
    )
    moderation: Annotated[Literal["auto", "low"], Field(description=_IGNORED)] = "auto"
    complexity: Annotated[Literal["low", "medium", "high"] | None, Field(description=_IGNORED)] = None
    safety_identifier: Annotated[str | None, Field(max_length=200, description=_IGNORED)] = None
    user: Annotated[str | None, Field(max_length=200, description=_IGNORED)] = None

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: object) -> object:
        """Reject unknown names, with a suggestion; null counts as not given."""
        if not isinstance(values, Mapping):
            return values
        given = {name: value for name, value in cast("Mapping[str, object]", values).items() if value is not None}
        for name in given:
            if name not in cls.model_fields and name not in EXTRA_FIELDS:
                raise unknown_field_error(name, (*cls.model_fields, *EXTRA_FIELDS))
        return given

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if self.response_format == "url" and self.output_format != "png":
            zh = "链接只提供 PNG。需要 JPEG 或 WebP 时，请把 response_format 设为 b64_json。"
            en = "Links are available for PNG only. For JPEG or WebP, set response_format to b64_json."
            raise InvalidRequest(zh, en, field="output_format")
        return self

    @property
    def quality_percent(self) -> int:
        """Quality of jpeg and webp files."""
        return 90 if self.output_compression is None else self.output_compression

    @property
    def request_quality(self) -> str:
        """The equivalent `Request.quality`."""
        match self.quality:
            case "low" | "draft":
                return "draft"
            case "high" | "xhigh" | "max" | "hd" | "fine":
                return "fine"
            case _:
                return "standard"

    def to_request(
        self, offered: Collection[str] = (), pictures: Mapping[str, object] = MappingProxyType({})
    ) -> Request:
        """Return the equivalent request.

        Args:
            offered: models of the service; OpenAI's names of other models select the default.
            pictures: fields that were sent in another way.
        Raises:
            InvalidRequest: a field is invalid.
        """
        model = self.model if self.model in offered or not _is_openai_model(self.model) else "auto"
        fields: dict[str, object] = {"prompts": self.prompt, "model": model, "n_batches": self.n}
        if self.size != "auto":
            fields["size"] = self.size
        if self.quality != "auto":
            fields["quality"] = self.request_quality
        if self.style and self.style not in _STYLES:
            fields["style"] = self.style
        return read_request({**(self.model_extra or {}), **fields, **pictures})


def _is_openai_model(name: str) -> bool:
    return name.startswith(("gpt-image-", "dall-e-", "chatgpt-image-"))


def with_previews(request: Request, images: ImagesRequest, steps: int) -> Request:
    """Return the request with enough previews for the requested partial images, unless it sets `display_rate` itself.

    Args:
        request: incomplete.
        images: OpenAI's fields.
        steps: that are taken.
    """
    if not (images.stream and images.partial_images) or "display_rate" in request.model_fields_set:
        return request
    return request.with_changes(display_rate=max(1, steps // (images.partial_images + 1)))
