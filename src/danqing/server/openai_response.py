"""Responses of OpenAI's image routes: finished images as JSON, or previews and images as server-sent events."""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.client.schemas import NoticeView
from danqing.errors import DanqingError
from danqing.events import Completed, Previewed
from danqing.jobs import Job, NumberedEvent
from danqing.request import Request as PaintRequest
from danqing.results.convert_png import convert_png
from danqing.server import openapi_responses
from danqing.server.dependencies import ServerContext, submit_job
from danqing.server.job_response import JobResponse, check_finished
from danqing.server.job_views import job_path, notice_views
from danqing.server.openai_schema import Format, ImagesRequest, with_previews
from danqing.server.retries import Retry

Kind = Literal["image_generation", "image_edit"]
"""Prefix of the types of events."""

_NOTICES = "Messages about the prompt, in addition to OpenAI's fields."


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
    notices: tuple[NoticeView, ...] | None = Field(default=None, description=_NOTICES)


class ImageEvent(BaseModel):
    """A preview or a finished image."""

    type: Literal[
        "image_generation.partial_image",
        "image_generation.completed",
        "image_edit.partial_image",
        "image_edit.completed",
    ]
    b64_json: str
    created_at: int
    size: str
    quality: str = "auto"
    background: str = "opaque"
    output_format: Format
    partial_image_index: int | None = None
    usage: Usage | None = None
    notices: tuple[NoticeView, ...] | None = Field(default=None, description=_NOTICES)


@dataclass(frozen=True, slots=True)
class QueuedImages:
    """OpenAI's request and the job queued for it."""

    images: ImagesRequest
    job: Job
    kind: Kind
    notices: tuple[NoticeView, ...] | None
    """None if there are none."""


def queue_images(
    images: ImagesRequest, request: PaintRequest, context: ServerContext, *, owner: str, retry: Retry, kind: Kind
) -> QueuedImages:
    """Submit the job of a call.

    Args:
        images: OpenAI's fields.
        request: the equivalent request, with its pictures.
        context: state of the service.
        owner: name of the API key.
        retry: whether the call is repeated.
        kind: of the route.
    Raises:
        DanqingError: the request was rejected; nothing was queued.
    """
    completed = context.models.with_defaults(request)
    request = with_previews(request, images, completed.steps - completed.skipped_steps)
    job = submit_job(request, context, owner=owner, id=retry.id, retry_seconds=retry.seconds)
    return QueuedImages(images, job, kind, notice_views(context.models.notices_of(job)) or None)


async def respond(queued: QueuedImages, context: ServerContext, request: Request) -> Response:
    """Return the finished images of a job, or the stream of its events."""
    call = _Call(queued, context, str(request.base_url).rstrip("/"))
    response = JobResponse(queued.job, context, request, call.images)
    if queued.images.stream:
        headers = {**openapi_responses.STREAM_HEADERS, "X-Job-Id": queued.job.id}
        return StreamingResponse(_stream(call, response), media_type="text/event-stream", headers=headers)
    return await response.send()


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a route; `base` is the URL of the service."""

    queued: QueuedImages
    context: ServerContext
    base: str

    def images(self, job: Job) -> dict[str, object]:
        """Return the images of a finished job."""
        images = self.queued.images
        if images.response_format == "url":
            paths = (f"{job_path(job)}/pictures/{int(file.stem)}.png" for file in job.pictures)
            data = tuple(ImageData(url=f"{self.base}{self.context.links.sign(path)}") for path in paths)
        else:
            data = tuple(ImageData(b64_json=_encode(file.read_bytes(), images)) for file in job.pictures)
        return Images(
            created=int(time.time()),
            data=data,
            size=_size(job),
            output_format=images.output_format,
            usage=_usage(images),
            notices=self.queued.notices,
        ).model_dump(exclude_none=True)


async def _stream(call: _Call, response: JobResponse) -> AsyncIterator[bytes]:
    previews: dict[int, int] = {}
    id = call.queued.job.id
    async for numbered in call.context.job_events.events(id):
        event = await run_in_threadpool(_event, numbered, call.queued, previews) if numbered else None
        if numbered is None:
            yield KEEPALIVE_COMMENT
        elif event is not None:
            yield format_sse_event(data_str=event.model_dump_json(exclude_none=True), event=event.type)
    try:
        check_finished(await run_in_threadpool(call.context.runner.get, id))
    except DanqingError as error:  # JobNotFound if another client has deleted the job
        yield format_sse_event(data_str=response.error(error).decode(), event="error")


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
            kind, extra = "partial_image", {"partial_image_index": index - 1}
        case Completed():
            kind, extra = "completed", {"usage": _usage(images), "notices": queued.notices}
        case _:
            return None
    assert numbered.file is not None, "events with images have files"
    return ImageEvent.model_validate(
        {
            "type": f"{queued.kind}.{kind}",
            "b64_json": _encode(numbered.file.read_bytes(), images),
            "created_at": int(time.time()),
            "size": _size(queued.job),
            "output_format": images.output_format,
            **extra,
        }
    )


def _encode(png: bytes, images: ImagesRequest) -> str:
    """Return an image in the requested format as base64, with its metadata."""
    return base64.b64encode(convert_png(png, images.output_format, quality=images.quality_percent)).decode()


def _size(job: Job) -> str:
    width, height = job.request.size
    return f"{width}x{height}"


def _usage(images: ImagesRequest) -> Usage:
    count = len(images.prompt)
    return Usage(input_tokens=count, input_tokens_details=TokenDetails(text_tokens=count), total_tokens=count)
