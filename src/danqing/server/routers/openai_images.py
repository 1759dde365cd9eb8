"""`/v1/images/generations` and `/v1/models`, as OpenAI's clients know them."""

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

from danqing.events import Completed, Previewed
from danqing.i18n import Language
from danqing.jobs import Job, Numbered
from danqing.server import openapi_responses
from danqing.server.dependencies import Service, submit
from danqing.server.errors import ErrorAnswer, Problem, Refusal, language_of, type_of
from danqing.server.job_views import address
from danqing.server.openai_schema import Format, Wish, read_wish, with_previews
from danqing.server.openapi_responses import READS, TAKES, problems
from danqing.server.request_body import Payload
from danqing.server.routers.jobs import Here, Owner

router = APIRouter(prefix="/v1", tags=["openai"])


class ImageData(BaseModel):
    """One picture: its bytes or its address."""

    b64_json: str | None = None
    url: str | None = None


class TokenDetails(BaseModel):
    """Of what kind the tokens are."""

    image_tokens: int = 0
    text_tokens: int


class Usage(BaseModel):
    """OpenAI's count; here a token is a character of the prompt, and nothing is charged."""

    input_tokens: int
    input_tokens_details: TokenDetails
    output_tokens: int = 0
    total_tokens: int


class Images(BaseModel):
    """The pictures."""

    created: int
    data: tuple[ImageData, ...]
    size: str
    output_format: Format
    background: Literal["opaque"] = "opaque"
    usage: Usage


class ImageEvent(BaseModel):
    """A picture on its way, or a finished one."""

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
    """A model that paints here."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "danqing"


class ModelList(BaseModel):
    """All models that paint here, the default first."""

    object: Literal["list"] = "list"
    data: tuple[ModelEntry, ...] = Field(description="The first paints where none is named.")


@dataclass(frozen=True, slots=True)
class Order:
    """A wish that is in the queue."""

    wish: Wish
    job: Job


def take_order(values: Payload, service: Here, owner: Owner) -> Order:
    """Read OpenAI's request and put it into the queue."""
    wish, request = read_wish(values, allow_urls=service.allow_urls)
    filled = service.shelf.filled(request)
    return Order(wish, submit(with_previews(request, wish, filled.steps), service, owner=owner))


@router.get("/models", responses=problems(*READS))
def list_models(service: Here) -> ModelList:
    """The models that paint here."""
    return ModelList(data=tuple(ModelEntry(id=name) for name in service.shelf.models))


@router.post(
    "/images/generations",
    response_model=Images,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/ImageEvent"}}}},
        **problems(*TAKES, 500),
    },
    openapi_extra=openapi_responses.body("NewImages", openapi_responses.IMAGE),
)
async def generate_images(
    order: Annotated[Order, Depends(take_order)], service: Here, request: Request
) -> JSONResponse | StreamingResponse:
    """Paint, and answer when the pictures are there; with `stream` show them on the way.

    Fields of our own (`steps`, `seed`, `style`, `artist` and so on) stand beside OpenAI's. A client that goes away stops
    nothing: the job is among /v1/jobs, where it can be cancelled.
    """
    job_header = {"X-Job-Id": order.job.id}
    if order.wish.stream:
        language = language_of(request.headers, service.settings.language)
        stream = _stream(order, service, request_id=request.state.request_id, language=language)
        headers = {**openapi_responses.STREAM_HEADERS, **job_header}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
    job = await service.feed.ended(order.job.id)
    base = str(request.base_url).rstrip("/")
    images = await run_in_threadpool(_answer, order.wish, job, base)
    return JSONResponse(images.model_dump(exclude_none=True), headers=job_header)


def _answer(wish: Wish, job: Job, base: str) -> Images:
    """The pictures of a job that is over.

    Raises:
        Refusal: it did not end well.
    """
    _check_finished(job)
    if wish.response_format == "url":
        links = (f"{base}{address(job)}/pictures/{int(file.stem)}.png" for file in job.pictures)
        data = tuple(ImageData(url=link) for link in links)
    else:
        data = tuple(ImageData(b64_json=_encode(file.read_bytes(), wish)) for file in job.pictures)
    return Images(
        created=int(time.time()), data=data, size=_size(job), output_format=wish.output_format, usage=_usage(wish)
    )


async def _stream(order: Order, service: Service, *, request_id: str, language: Language) -> AsyncIterator[bytes]:
    shown: dict[int, int] = {}
    async for numbered in service.feed.events(order.job.id):
        event = await run_in_threadpool(_event, numbered, order, shown) if numbered else None
        if numbered is None:
            yield KEEPALIVE_COMMENT
        elif event is not None:
            yield format_sse_event(data_str=event.model_dump_json(exclude_none=True), event=event.type)
    job = await run_in_threadpool(service.runtime.get, order.job.id)
    try:
        _check_finished(job)
    except Refusal as refusal:
        problem = Problem(
            message=refusal.in_language(language), type=type_of(refusal.status), code=refusal.code, request_id=request_id
        )
        yield format_sse_event(data_str=ErrorAnswer(error=problem).model_dump_json(), event="error")


def _event(numbered: Numbered, order: Order, shown: dict[int, int]) -> ImageEvent | None:
    """What OpenAI's client hears of an event; None for what it does not know. `shown` counts the previews of each picture."""
    event, wish = numbered.event, order.wish
    match event:
        case Previewed(last=False, step=step) if (
            step and numbered.file and shown.get(event.picture, 0) < wish.partial_images
        ):
            index = shown[event.picture] = shown.get(event.picture, 0) + 1
            data = _read(numbered)
            kind, extra = "image_generation.partial_image", {"partial_image_index": index - 1}
        case Completed():
            data = _read(numbered)
            kind, extra = "image_generation.completed", {"usage": _usage(wish)}
        case _:
            return None
    return ImageEvent.model_validate(
        {
            "type": kind,
            "b64_json": _encode(data, wish),
            "created_at": int(time.time()),
            "size": _size(order.job),
            "output_format": wish.output_format,
            **extra,
        }
    )


def _read(numbered: Numbered) -> bytes:
    assert numbered.file is not None, "events with pictures have files"
    return numbered.file.read_bytes()


def _encode(png: bytes, wish: Wish) -> str:
    """The picture in the format that was asked for; a PNG as it lies on the disk, with its recipe."""
    if wish.output_format != "png":
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            image.convert("RGB").save(buffer, wish.output_format.upper(), quality=wish.quality_percent)
        png = buffer.getvalue()
    return base64.b64encode(png).decode()


def _check_finished(job: Job) -> None:
    match job.state:
        case "finished":
            return
        case "cancelled":
            raise Refusal(409, "cancelled", "任务已取消。", "The job was cancelled.")
        case "failed" if job.failure is not None:
            status = 503 if job.failure.reason == "storage" else 500
            raise Refusal(status, job.failure.reason, job.failure.zh, job.failure.en)
        case _:
            raise stopping(job)


def stopping(job: Job) -> Refusal:
    """What those hear who wait for a job while the service goes down."""
    zh = f"服务正在停下；任务 {job.id} 下次启动后接着画，见 {address(job)}。"
    en = f"The service is stopping; the job {job.id} goes on when it is back: see {address(job)}."
    return Refusal(503, "stopping", zh, en, retry_after=10)


def _size(job: Job) -> str:
    width, height = job.request.size
    return f"{width}x{height}"


def _usage(wish: Wish) -> Usage:
    count = len(wish.prompt)
    return Usage(input_tokens=count, input_tokens_details=TokenDetails(text_tokens=count), total_tokens=count)
