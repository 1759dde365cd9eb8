"""OpenAI's request for images, and its conversion to a `Request`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.request.validation import unknown_field_error, validation_error
from danqing.server.dependencies import ServerContext
from danqing.server.fields import FIELDS
from danqing.server.request_parsing import parse_request

Format = Literal["png", "jpeg", "webp"]

EXTRA_FIELDS = frozenset(FIELDS) - {"prompts", "size", "model", "n_batches", "batch_size"}
"""Fields of `Request` accepted beside OpenAI's; with the Python client they go into `extra_body`."""

_STYLES = frozenset({"vivid", "natural"})
_IGNORED = "Accepted for compatibility; has no effect."


class ImagesRequest(BaseModel):
    """OpenAI's own fields. Fields without a meaning here are accepted and have no effect, as their descriptions say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompt: Annotated[str, Field(min_length=1, max_length=2000, description="What to paint.")]
    model: Annotated[
        str, Field(max_length=200, description="A model of /v1/models; auto and OpenAI's names select the default.")
    ] = "auto"
    n: Annotated[int, Field(ge=1, le=10, description="Number of images; image k uses seed + k.")] = 1
    size: Annotated[
        str, Field(max_length=20, description="WIDTHxHEIGHT, multiples of 64; auto uses the model's default.")
    ] = "auto"
    output_format: Annotated[Format, Field(description="Only PNG files contain the parameters of the image.")] = "png"
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


def parse_images_request(values: Mapping[str, object], context: ServerContext) -> tuple[ImagesRequest, Request]:
    """Read OpenAI's fields and the extra fields.

    Args:
        values: JSON values; null counts as not given.
        context: state of the service.
    Raises:
        InvalidRequest: a field is unknown or invalid.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name not in ImagesRequest.model_fields and name not in EXTRA_FIELDS:
            raise unknown_field_error(name[:60], (*ImagesRequest.model_fields, *EXTRA_FIELDS))
    own = {name: value for name, value in given.items() if name in ImagesRequest.model_fields}
    try:
        images = ImagesRequest.model_validate(own)
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error
    if images.response_format == "url" and images.output_format != "png":
        zh = "链接只提供 PNG。需要 JPEG 或 WebP 时，请把 response_format 设为 b64_json。"
        en = "Links are available for PNG only. For JPEG or WebP, set response_format to b64_json."
        raise InvalidRequest(zh, en, field="output_format")
    extra = {name: value for name, value in given.items() if name in EXTRA_FIELDS - {"quality", "style"}}
    return images, _to_request(images, extra, context)


def _to_request(images: ImagesRequest, extra: Mapping[str, object], context: ServerContext) -> Request:
    model = images.model if images.model in context.models.models or not _is_openai_model(images.model) else "auto"
    fields: dict[str, object] = {**extra, "prompts": images.prompt, "model": model, "n_batches": images.n}
    if images.size != "auto":
        fields["size"] = images.size
    if images.quality != "auto":
        fields["quality"] = images.request_quality
    if images.style and images.style not in _STYLES:
        fields["style"] = images.style
    return parse_request(fields, allow_urls=context.allow_urls, slot=context.decoding_slot)


def _is_openai_model(name: str) -> bool:
    return name.startswith(("gpt-image-", "dall-e-", "chatgpt-image-"))


def with_previews(request: Request, images: ImagesRequest, steps: int) -> Request:
    """Return the request with enough previews for the requested partial images, unless it sets `display_rate` itself.

    Args:
        request: incomplete.
        images: OpenAI's fields.
        steps: of the complete request.
    """
    if not (images.stream and images.partial_images) or "display_rate" in request.model_fields_set:
        return request
    return request.with_changes(display_rate=max(1, steps // (images.partial_images + 1)))
