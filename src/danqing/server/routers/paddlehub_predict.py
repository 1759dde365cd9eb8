"""`/predict/<module>`: PaddleHub's route, compatible with existing clients of the original module."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.errors import DanqingError, InvalidRequest
from danqing.i18n import Language, Text
from danqing.jobs import Job
from danqing.paddlehub.parameters import to_parameters, to_request
from danqing.request import Request as PaintRequest
from danqing.results.docarray_export import require_docarray, to_documents
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.errors import PADDLEHUB_ERROR, ApiError, language_of, sanitize_utf8, shorten, to_api_error
from danqing.server.model_registry import AUTO
from danqing.server.openapi_responses import error_responses
from danqing.server.request_body import is_json, parse_json, read_bytes
from danqing.server.request_parsing import load_init_image
from danqing.server.retries import RetryDep
from danqing.server.routers.openai_images import stopping_error

router = APIRouter(tags=["paddlehub"])

DONE, NO_MODULE, NOT_JSON = "000", "111", "112"


class Prediction(BaseModel):
    """PaddleHub's response."""

    status: str = Field(description="000 success, 101 error, 111 unknown module, 112 the body is not JSON.")
    msg: str = Field(description="The error, or after success a notice about changed parameters.")
    results: str = Field(description="A docarray DocumentArray in base64 (docarray 0.19 to 0.21), or empty.")


@router.post(
    "/predict/{module}",
    response_model=Prediction,
    responses=error_responses(401, 403, 408, 413, 503, model=Prediction),
    openapi_extra=openapi_responses.body("PaddleHub", openapi_responses.PREDICT),
)
def predict(
    module: str,
    body: Annotated[bytes, Depends(read_bytes)],
    context: ContextDep,
    owner: OwnerDep,
    retry: RetryDep,
    request: Request,
) -> JSONResponse | StreamingResponse:
    """Paint with the parameters of the original module. The HTTP status is 200 even for errors; see `status`.

    There is no timeout: white space, which JSON allows before a value, is sent while the image is being painted. The header
    X-Job-Id contains the ID of the job, which continues if the client disconnects. `output_dir` and file paths are rejected.
    """
    language = language_of(request.headers, context.settings.language)
    try:
        resolved = context.models.resolve_module(module)
        if resolved is None:
            text = Text(f"没有模块 {module[:80]}。", f"There is no module {module[:80]}.")
            return _reply(NO_MODULE, text.in_language(language))
        values = _read_json(request.headers.get("content-type", ""), body)
        notices = [] if resolved.notice is None else [resolved.notice]
        paint = _to_paint_request(values, context)
        notices += _size_notices(values, paint)
        changed = paint.with_changes(model=resolved.model)
        job = submit_job(changed, context, owner=owner, id=retry.id, retry_seconds=retry.seconds)
    except DanqingError as error:
        api_error = to_api_error(error)
        status = NOT_JSON if api_error.code in ("not_json", "not_an_object") else PADDLEHUB_ERROR
        return _reply(status, api_error.in_language(language))
    msg = " ".join(notice.in_language(language) for notice in notices)
    stream = _wait(job, context, msg=msg, language=language)
    return StreamingResponse(stream, media_type="application/json", headers={"X-Job-Id": job.id})


async def _wait(job: Job, context: ServerContext, *, msg: str, language: Language) -> AsyncIterator[bytes]:
    yield b" "
    async for numbered in context.job_events.events(job.id):
        if numbered is None:
            yield b" "
    yield await run_in_threadpool(_result, job.id, context, msg, language)


def _result(id: str, context: ServerContext, msg: str, language: Language) -> bytes:
    """Return the response for an ended job: its images or the reason for its failure."""
    job = context.runner.get(id)
    if job.state == "finished":
        documents = to_documents(job.run.artwork(), to_parameters(job.request))
        return Prediction(status=DONE, msg=msg, results=str(documents.to_base64())).model_dump_json().encode()
    if job.failure is not None:
        text = job.failure.text
    elif job.state == "cancelled":
        text = Text("任务已取消。", "The job was cancelled.")
    else:
        text = stopping_error(job).text
    reply = Prediction(status=PADDLEHUB_ERROR, msg=text.in_language(language), results="")
    return reply.model_dump_json().encode()


def _read_json(content_type: str, body: bytes) -> dict[str, object]:
    """Parse the parameters.

    Raises:
        ApiError: the body is not JSON or has another Content-Type.
    """
    if not is_json(content_type):
        zh = "请求体须为 JSON，并带请求头 Content-type: application/json。"
        raise ApiError(415, "not_json", zh, "The body must be JSON with the header Content-type: application/json.")
    return parse_json(body)


def _to_paint_request(values: Mapping[str, object], context: ServerContext) -> PaintRequest:
    """Convert the original's parameters to a request, without those that only the server sets.

    Raises:
        InvalidRequest: a parameter is unknown, not allowed here, or invalid.
    """
    require_docarray()
    if values.get("output_dir") is not None:
        zh = "output_dir 不能指定：图像在响应中返回。请去掉它。"
        en = "output_dir cannot be set: the images are in the response. Remove it."
        raise InvalidRequest(zh, en, field="output_dir")
    source = values.get("init_image")
    if isinstance(source, str) and source:
        to_request({**values, "init_image": None})  # cheap checks before the image is decoded
        values = {**values, "init_image": load_init_image(source, allow_urls=context.allow_urls, slot=context.decoding_slot)}
    # use_gpu is validated as in the original; the server chooses the device.
    return to_request(values).with_changes(device=AUTO)


def _size_notices(values: Mapping[str, object], paint: PaintRequest) -> list[Text]:
    requested = values.get("width_height")
    if not isinstance(requested, list) or requested == list(paint.size):
        return []
    width, height = paint.size
    zh = f"宽和高须为 64 的倍数，{requested} 改为 {width}x{height}。"
    return [Text(zh, f"Width and height must be multiples of 64: {requested} was changed to {width}x{height}.")]


def _reply(status: str, msg: str) -> JSONResponse:
    text = shorten(sanitize_utf8(msg), 600)
    return JSONResponse(Prediction(status=status, msg=text, results="").model_dump())
