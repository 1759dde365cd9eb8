"""`/v1/images/generations` and `/v1/models`, compatible with OpenAI's clients."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from danqing.errors import ModelNotFound
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep
from danqing.server.job_sources import load_sources
from danqing.server.openai_response import ImageEvent, Images, QueuedImages, queue_images, respond
from danqing.server.openai_schema import ImagesRequest
from danqing.server.openapi_responses import CREATE_ERRORS, READ_ERRORS, error_responses, example
from danqing.server.request_body import JsonRoute
from danqing.server.retries import RetryDep

router = APIRouter(prefix="/v1", tags=["openai"], route_class=JsonRoute)

IMAGES_EXAMPLE = {"prompt": "薄雾中的远山", "n": 1, "size": "64x64", "steps": 20, "seed": 7}


class ModelEntry(BaseModel):
    """A model offered by this service."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "danqing"


class ModelList(BaseModel):
    """All models offered by this service, the default first."""

    object: Literal["list"] = "list"
    data: tuple[ModelEntry, ...] = Field(description="The first is the default.")


def queue_generation(
    images: Annotated[ImagesRequest, Body(openapi_examples=example(IMAGES_EXAMPLE))],
    context: ContextDep,
    owner: OwnerDep,
    retry: RetryDep,
) -> QueuedImages:
    """Submit a job for OpenAI's request."""
    request = load_sources(images.to_request(context.models.models), context, owner)
    return queue_images(images, request, context, owner=owner, retry=retry, kind="image_generation")


@router.get("/models", responses=error_responses(*READ_ERRORS))
def list_models(context: ContextDep) -> ModelList:
    """List the models offered by this service."""
    return ModelList(data=tuple(ModelEntry(id=name) for name in context.models.models))


@router.get("/models/{model}", responses=error_responses(*READ_ERRORS, 404, 422))
def get_model(model: str, context: ContextDep) -> ModelEntry:
    """Return one model."""
    if model not in context.models.models:
        zh, en = f"没有模型 {model[:80]}。", f"There is no model {model[:80]!r}."
        raise ModelNotFound(zh, en)
    return ModelEntry(id=model)


@router.post(
    "/images/generations",
    response_model=Images,
    responses={
        200: openapi_responses.event_stream("The images, or their events with `stream`", ImageEvent),
        **error_responses(*CREATE_ERRORS, 500),
    },
)
async def generate_images(
    queued: Annotated[QueuedImages, Depends(queue_generation)], context: ContextDep, request: Request
) -> Response:
    """Paint images and return them; with `stream`, send previews as server-sent events.

    `steps`, `seed`, `style`, `artist` and other fields of a job are accepted beside OpenAI's. The header X-Job-Id contains the ID
    of the job, which continues if the client disconnects; cancel it at /v1/jobs. If the images take more than a few
    seconds, the headers are sent at once, followed by white space until the JSON is complete, so that proxies keep the connection
    open. A job that fails after that is reported as `error` in the body, with status 200.
    """
    return await respond(queued, context, request)
