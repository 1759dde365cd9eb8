"""`/v1/images/generations` and `/v1/models`, compatible with OpenAI's clients."""

import asyncio
import base64
import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from PIL import Image
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.errors import ModelNotFound
from danqing.events import Completed, Previewed
from danqing.i18n import Language
from danqing.jobs import Job, NumberedEvent
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.errors import ApiError, ErrorResponse, error_body, language_of
from danqing.server.event_stream import KEEPALIVE_SECONDS
from danqing.server.job_views import job_path
from danqing.server.openai_schema import Format, ImagesRequest, parse_images_request, with_previews
from danqing.server.openapi_responses import CREATE_ERRORS, READ_ERRORS, error_responses
from danqing.server.request_body import Payload
from danqing.server.retries import RetryDep

router = APIRouter(prefix="/v1", tags=["openai"])


class ImageData(BaseModel):
    """One image: its bytes or its URL."""

    b64_json: str | None = None
    url: str | None = None


class TokenDetails(BaseModel):
    """Tokens by type."""

    image_tokens: int = 0
    text_tokens: int


class Usage(BaseModel):
    """Token counts in OpenAI's format: the characters of the prompt."""

    input_tokens: int
    input_tokens_details: TokenDetails
    output_tokens: int = 0
    total_tokens: int


class Images(BaseModel):
    """The finished images."""

    created: int
    data: tuple[ImageData, ...]
    size: str
    output_format: Format
    background: Literal["opaque"] = "opaque"
    usage: Usage


class ImageEvent(BaseModel):
    """A preview or a finished image."""

    type: Literal["image_generation.partial_image", "image_generation.completed"]
    b64_json: str
    created_at: int
    size: str
    quality: str = "auto"
    background: str = "opaque"
    output_format: Format
    partial_image_index: int | None = None
    usage: Usage | None = None


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


@dataclass(frozen=True, slots=True)
class QueuedImages:
    """OpenAI's request and the job queued for it."""

    images: ImagesRequest
    job: Job


def queue_images(values: Payload, context: ContextDep, owner: OwnerDep, retry: RetryDep) -> QueuedImages:
    """Parse OpenAI's request and submit a job for it."""
    images, request = parse_images_request(values, context)
    steps = context.models.with_defaults(request).steps
    request = with_previews(request, images, steps)
    job = submit_job(request, context, owner=owner, id=retry.id, retry_seconds=retry.seconds)
    return QueuedImages(images, job)


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
        200: {"content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/ImageEvent"}}}},
        **error_responses(*CREATE_ERRORS, 500),
    },
    openapi_extra=openapi_responses.body("NewImages", openapi_responses.IMAGE),
)
async def generate_images(
    queued: Annotated[QueuedImages, Depends(queue_images)], context: ContextDep, request: Request
) -> JSONResponse | StreamingResponse:
    """Paint images and return them; with `stream`, send previews as server-sent events.

    `steps`, `seed`, `style`, `artist` and other fields of a job are accepted beside OpenAI's. The header X-Job-Id contains the ID
    of the job, which continues if the client disconnects; cancel it at /v1/jobs. If the images take more than a few
    seconds, the headers are sent at once, followed by white space until the JSON is complete, so that proxies keep the connection
    open. A job that fails after that is reported as `error` in the body, with status 200.
    """
    headers = {"X-Job-Id": queued.job.id}
    language = language_of(request.headers, context.settings.language)
    call = _Call(queued, context, str(request.base_url).rstrip("/"), request.state.request_id, language)
    if queued.images.stream:
        stream_headers = {**openapi_responses.STREAM_HEADERS, **headers}
        return StreamingResponse(_stream(call), media_type="text/event-stream", headers=stream_headers)
    waiting = asyncio.ensure_future(context.job_events.wait(queued.job.id))
    done, _ = await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS / 2)
    if not done:
        headers["X-Accel-Buffering"] = "no"
        return StreamingResponse(_wait_and_answer(waiting, call), media_type="application/json", headers=headers)
    images = await run_in_threadpool(_read_images, call, waiting.result())
    return JSONResponse(images.model_dump(exclude_none=True), headers=headers)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of `generate_images`; `base` is the URL of the service."""

    queued: QueuedImages
    context: ServerContext
    base: str
    request_id: str
    language: Language

    def error(self, error: ApiError) -> str:
        """Return an error as JSON."""
        body = error_body(error, error.in_language(self.language), self.request_id)
        return ErrorResponse(error=body).model_dump_json()


async def _wait_and_answer(waiting: "asyncio.Future[Job]", call: _Call) -> AsyncIterator[bytes]:
    """Yield white space until the job has ended, then the JSON of its images or of its error."""
    try:
        while True:
            yield b" "
            done, _ = await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS)
            if done:
                break
        images = await run_in_threadpool(_read_images, call, waiting.result())
        yield images.model_dump_json(exclude_none=True).encode()
    except ApiError as error:
        yield call.error(error).encode()
    finally:
        waiting.cancel()


def _read_images(call: _Call, job: Job) -> Images:
    """Return the images of an ended job.

    Raises:
        ApiError: the job did not finish.
    """
    _check_finished(job)
    images = call.queued.images
    if images.response_format == "url":
        paths = (f"{job_path(job)}/pictures/{int(file.stem)}.png" for file in job.pictures)
        data = tuple(ImageData(url=f"{call.base}{call.context.links.sign(path)}") for path in paths)
    else:
        data = tuple(ImageData(b64_json=_encode(file.read_bytes(), images)) for file in job.pictures)
    return Images(
        created=int(time.time()), data=data, size=_size(job), output_format=images.output_format, usage=_usage(images)
    )


async def _stream(call: _Call) -> AsyncIterator[bytes]:
    previews: dict[int, int] = {}
    id = call.queued.job.id
    async for numbered in call.context.job_events.events(id):
        event = await run_in_threadpool(_event, numbered, call.queued, previews) if numbered else None
        if numbered is None:
            yield KEEPALIVE_COMMENT
        elif event is not None:
            yield format_sse_event(data_str=event.model_dump_json(exclude_none=True), event=event.type)
    job = await run_in_threadpool(call.context.runner.get, id)
    try:
        _check_finished(job)
    except ApiError as error:
        yield format_sse_event(data_str=call.error(error), event="error")


def _event(numbered: NumberedEvent, queued: QueuedImages, previews: dict[int, int]) -> ImageEvent | None:
    """Convert an event to OpenAI's format; None for events without an equivalent.

    Args:
        numbered: the event.
        queued: the request and its job.
        previews: number of previews sent for each image; updated.
    """
    event, images = numbered.event, queued.images
    match event:
        case Previewed(last=False, step=step) if (
            step and numbered.file and previews.get(event.picture, 0) < images.partial_images
        ):
            index = previews[event.picture] = previews.get(event.picture, 0) + 1
            kind, extra = "image_generation.partial_image", {"partial_image_index": index - 1}
        case Completed():
            kind, extra = "image_generation.completed", {"usage": _usage(images)}
        case _:
            return None
    assert numbered.file is not None, "events with images have files"
    return ImageEvent.model_validate(
        {
            "type": kind,
            "b64_json": _encode(numbered.file.read_bytes(), images),
            "created_at": int(time.time()),
            "size": _size(queued.job),
            "output_format": images.output_format,
            **extra,
        }
    )


def _encode(png: bytes, images: ImagesRequest) -> str:
    """Return an image in the requested format as base64; a PNG is sent unchanged, with its metadata."""
    if images.output_format != "png":
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            image.convert("RGB").save(buffer, images.output_format.upper(), quality=images.quality_percent)
        png = buffer.getvalue()
    return base64.b64encode(png).decode()


def _check_finished(job: Job) -> None:
    match job.state:
        case "finished":
            return
        case "cancelled":
            raise ApiError(409, "cancelled", "任务已取消。", "The job was cancelled.")
        case "failed" if job.failure is not None:
            status = 503 if job.failure.reason == "storage" else 500
            raise ApiError(status, job.failure.reason, job.failure.text.zh, job.failure.text.en)
        case _:
            raise stopping_error(job)


def stopping_error(job: Job) -> ApiError:
    """Return the error for clients that wait for a job while the service shuts down."""
    zh = f"服务正在停止；任务 {job.id} 在重新启动后继续，见 {job_path(job)}。"
    en = f"The service is shutting down. Job {job.id} continues after the restart: see {job_path(job)}."
    return ApiError(503, "stopping", zh, en, retry_after=10)


def _size(job: Job) -> str:
    width, height = job.request.size
    return f"{width}x{height}"


def _usage(images: ImagesRequest) -> Usage:
    count = len(images.prompt)
    return Usage(input_tokens=count, input_tokens_details=TokenDetails(text_tokens=count), total_tokens=count)
