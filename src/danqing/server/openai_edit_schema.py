"""OpenAI's requests to change pictures, and their conversion to a `Request`."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.request.field_types import MAX_REFERENCES
from danqing.request.validation import validation_error
from danqing.server.form import Form
from danqing.server.openai_schema import ImagesRequest

EDIT_STRENGTH = 0.6
"""Strength of an edit without a mask, and of a variation."""
UNKNOWN_PROMPT = "一幅画"
"""Prompt of a variation of a picture that contains none; the picture itself is then a reference picture."""

_PICTURES = ("image", "mask")
_FILE: dict[str, Any] = {"type": "string", "format": "binary"}


class EditRequest(ImagesRequest):
    """The text fields of an edit: those of a generation, as texts."""

    model_config = ConfigDict(strict=False)

    input_fidelity: Annotated[
        Literal["low", "high"] | None, Field(description="Accepted for compatibility; has no effect.")
    ] = None


class VariationRequest(EditRequest):
    """The text fields of a variation. Without a prompt, that stored in the picture is used."""

    prompt: Annotated[str, Field(max_length=2000, description="What to paint; by default what the picture shows.")] = ""


Fields = TypeVar("Fields", bound=EditRequest)


def read_fields(form: Form, body: type[Fields]) -> Fields:
    """Read the text fields of a form.

    Raises:
        InvalidRequest: a name or a value is invalid.
    """
    try:
        return body.model_validate(form.values(*_PICTURES))
    except ValidationError as error:
        raise validation_error(error.errors(include_url=False)[0]) from error


def edit_request(edit: EditRequest, form: Form, offered: Collection[str]) -> Request:
    """Return the request of an edit: the first picture is changed, further ones are reference pictures.

    Args:
        edit: the text fields.
        form: the pictures.
        offered: as for `ImagesRequest.to_request`.
    Raises:
        InvalidRequest: there is no picture, there are too many, or a field is invalid.
    """
    first, *references = _pictures(form, most=1 + MAX_REFERENCES)
    mask = form.pictures("mask")
    if len(mask) > 1:
        raise InvalidRequest("只能给出一个遮罩。", "Give one mask only.", field="mask")
    pictures: dict[str, object] = {"init_image": first}
    if references:
        pictures["like"] = references
    if mask:
        pictures["mask"] = mask[0]
    return edit.to_request(offered, pictures)


def variation_request(variation: VariationRequest, form: Form, offered: Collection[str]) -> Request:
    """Return the request of a variation; see `edit_request` for the arguments."""
    (picture,) = _pictures(form, most=1)
    described = variation if variation.prompt else variation.model_copy(update={"prompt": UNKNOWN_PROMPT})
    return described.to_request(offered, {"init_image": picture})


def with_stored_prompt(request: Request, stored: Request | None) -> Request:
    """Return a variation with what its picture shows: the stored prompts, or the picture itself as a reference picture.

    Args:
        request: with an initial image.
        stored: the request in the metadata of the picture; None if it contains none.
    """
    if stored is None:
        return request.with_changes(like=(request.init_image,))
    described = {"prompts": stored.prompts, "style": stored.style, "artist": stored.artist}
    given = request.model_fields_set - {"prompts"}
    return request.with_changes(**{name: value for name, value in described.items() if name not in given})


def changes_everything(request: Request) -> bool:
    """Return whether all of the picture is changed, and the request does not say how much."""
    named = {"strength", "skip_steps", "extend", "branch"} & request.model_fields_set
    return request.mask is None and not named


def form_body(body: type[EditRequest], *, several: bool) -> dict[str, Any]:
    """Return the description of a form for the OpenAPI document, as FastAPI's `openapi_extra` takes it.

    Args:
        body: its text fields.
        several: whether it has several pictures and a mask.
    """
    schema = body.model_json_schema()
    pictures = (
        {"image": _FILE, "image[]": {"type": "array", "items": _FILE}, "mask": _FILE} if several else {"image": _FILE}
    )
    schema["properties"] = {**pictures, **schema["properties"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _pictures(form: Form, *, most: int) -> Sequence[str]:
    """Return the pictures of a form.

    Raises:
        InvalidRequest: there is none, or more than `most`.
    """
    found = [picture for picture in form.pictures("image") if picture]  # a form sends an empty file if none was chosen
    if not found:
        raise InvalidRequest("请给出要改动的图片 image。", "Give the picture to change as image.", field="image")
    if len(found) > most:
        raise InvalidRequest(
            f"最多 {most} 张图片，收到 {len(found)} 张。",
            f"At most {most} pictures are accepted; {len(found)} were sent.",
            field="image",
        )
    return found
