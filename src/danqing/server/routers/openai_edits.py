"""`/v1/images/edits` and `/v1/images/variations`, compatible with OpenAI's clients."""

import base64
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep
from danqing.server.form import FormDep
from danqing.server.image_metadata import find_metadata
from danqing.server.init_image import is_transparent
from danqing.server.job_sources import load_sources
from danqing.server.openai_edit_schema import (
    EDIT_STRENGTH,
    EditRequest,
    VariationRequest,
    changes_everything,
    edit_request,
    form_body,
    read_fields,
    variation_request,
    with_stored_prompt,
)
from danqing.server.openai_response import ImageEvent, Images, QueuedImages, queue_images, respond
from danqing.server.openapi_responses import CREATE_ERRORS, error_responses
from danqing.server.retries import RetryDep

router = APIRouter(prefix="/v1/images", tags=["openai"])

_RESPONSES = {
    200: openapi_responses.event_stream("The images, or their events with `stream`", ImageEvent),
    **error_responses(*CREATE_ERRORS, 500),
}


def queue_edit(form: FormDep, context: ContextDep, owner: OwnerDep, retry: RetryDep) -> QueuedImages:
    """Submit a job for an edit. Transparent parts of the picture are its mask if none is given."""
    edit = read_fields(form, EditRequest)
    request = load_sources(edit_request(edit, form, context.models.models), context, owner)
    if changes_everything(request):
        picture = request.init_image
        masked = picture is not None and is_transparent(picture)
        request = request.with_changes(**({"mask": picture} if masked else {"strength": EDIT_STRENGTH}))
    return queue_images(edit, request, context, owner=owner, retry=retry, kind="image_edit")


def queue_variation(form: FormDep, context: ContextDep, owner: OwnerDep, retry: RetryDep) -> QueuedImages:
    """Submit a job for variations."""
    variation = read_fields(form, VariationRequest)
    request = load_sources(variation_request(variation, form, context.models.models), context, owner)
    if not variation.prompt:
        metadata = find_metadata(base64.b64decode((request.init_image or "").partition(",")[2]))
        request = with_stored_prompt(request, metadata.request if metadata else None)
    if changes_everything(request):
        request = request.with_changes(strength=EDIT_STRENGTH)
    return queue_images(variation, request, context, owner=owner, retry=retry, kind="image_edit")


@router.post("/edits", response_model=Images, responses=_RESPONSES, openapi_extra=form_body(EditRequest, several=True))
async def edit_images(
    queued: Annotated[QueuedImages, Depends(queue_edit)], context: ContextDep, request: Request
) -> Response:
    """Change a picture; with a mask only its transparent or white part, otherwise all of it by `strength` (0.6 by default).

    Further pictures are reference pictures that the result resembles. Other fields and responses are those of
    /v1/images/generations.
    """
    return await respond(queued, context, request)


@router.post(
    "/variations", response_model=Images, responses=_RESPONSES, openapi_extra=form_body(VariationRequest, several=False)
)
async def vary_images(
    queued: Annotated[QueuedImages, Depends(queue_variation)], context: ContextDep, request: Request
) -> Response:
    """Paint variations of a picture with the prompt that Danqing has stored in it, or with the picture as reference picture.

    Other fields and responses are those of /v1/images/generations.
    """
    return await respond(queued, context, request)
