"""OpenAI's request for images: their words and ours, read into one order. Pure."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.request.validation import validation_error, unknown_field_error
from danqing.server.request_parsing import FIELDS, read_values

Format = Literal["png", "jpeg", "webp"]

OURS = frozenset(FIELDS) - {"prompts", "size", "model", "n_batches", "batch_size"}
"""Fields of `Request` that may stand beside OpenAI's; through the Python client in `extra_body`."""


class Wish(BaseModel):
    """OpenAI's own fields. What has no meaning here is read and makes no difference, as its description says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompt: Annotated[str, Field(min_length=1, max_length=2000, description="What to paint.")]
    model: Annotated[str, Field(max_length=200, description="A model of /v1/models; auto takes the default.")] = "auto"
    n: Annotated[int, Field(ge=1, le=10, description="Pictures; the k-th uses seed + k.")] = 1
    size: Annotated[
        str, Field(max_length=20, description="WIDTHxHEIGHT, multiples of 64; auto takes the model's own.")
    ] = "auto"
    output_format: Annotated[Format, Field(description="A PNG carries its recipe, the others do not.")] = "png"
    output_compression: Annotated[int | None, Field(ge=0, le=100, description="Quality of jpeg and webp.")] = None
    response_format: Annotated[
        Literal["b64_json", "url"], Field(description="url: the address of the PNG on this server.")
    ] = "b64_json"
    stream: Annotated[bool, Field(description="Answer with server-sent events.")] = False
    partial_images: Annotated[int, Field(ge=0, le=3, description="Previews of each picture while streaming.")] = 0
    quality: Annotated[
        Literal["auto", "standard", "hd", "low", "medium", "high"],
        Field(description="Makes no difference; `steps` does."),
    ] = "auto"
    background: Annotated[Literal["auto", "opaque"], Field(description="Pictures are opaque.")] = "auto"
    moderation: Annotated[Literal["auto", "low"], Field(description="Makes no difference.")] = "auto"
    user: Annotated[str | None, Field(max_length=200, description="Makes no difference.")] = None

    @property
    def quality_percent(self) -> int:
        """Quality for jpeg and webp."""
        return 90 if self.output_compression is None else self.output_compression


def read_wish(values: Mapping[str, object], *, allow_urls: bool) -> tuple[Wish, Request]:
    """OpenAI's fields and ours.

    Args:
        values: as JSON brought them; null counts as not given.
        allow_urls: whether a start picture may be fetched.
    Returns:
        what to answer, and what to paint.
    Raises:
        InvalidRequest: what is wrong, and what would be right.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name in given:
        if name not in Wish.model_fields and name not in OURS:
            raise unknown_field_error(name, (*Wish.model_fields, *OURS))
    try:
        wish = Wish.model_validate({name: value for name, value in given.items() if name in Wish.model_fields})
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error
    if wish.response_format == "url" and wish.output_format != "png":
        zh = "response_format 为 url 时只有 PNG。要 jpeg 或 webp，请用 b64_json。"
        en = "With response_format url there are PNGs only. For jpeg or webp take b64_json."
        raise InvalidRequest(zh, en, field="output_format")
    return wish, _request(wish, {name: value for name, value in given.items() if name in OURS}, allow_urls)


def _request(wish: Wish, ours: Mapping[str, object], allow_urls: bool) -> Request:
    fields: dict[str, object] = {**ours, "prompts": wish.prompt, "model": wish.model, "n_batches": wish.n}
    if wish.size != "auto":
        fields["size"] = wish.size
    return read_values(fields, allow_urls=allow_urls)


def with_previews(request: Request, wish: Wish, steps: int) -> Request:
    """The request, with previews often enough for the partial images that are wanted, unless it says how often itself.

    Args:
        steps: of the run, the model's default filled in.
    """
    if not (wish.stream and wish.partial_images) or "display_rate" in request.model_fields_set:
        return request
    return request.with_changes(display_rate=max(1, steps // (wish.partial_images + 1)))
