"""`/predict/<module>`: PaddleHub's route, compatible with existing clients of the original module."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.errors import DanqingError, InvalidRequest, JobNotFound
from danqing.i18n import Language, Text
from danqing.jobs import Job
from danqing.paddlehub.parameters import PARAMETERS, size_notice, to_request, to_tags
from danqing.request import Request as PaintRequest
from danqing.results.docarray_export import require_docarray, to_documents
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.errors import PADDLEHUB_ERROR, language_of, sanitize_utf8, shorten, to_api_error
from danqing.server.init_image import load_init_image
from danqing.server.job_response import stopping_error
from danqing.server.job_schema import JobRequest
from danqing.server.model_registry import AUTO
from danqing.server.openapi_responses import READ_ERRORS, error_responses
from danqing.server.request_body import BodyDep, read_json
from danqing.server.retries import RetryDep

router = APIRouter(tags=["paddlehub"])

DONE, NO_MODULE, NOT_JSON = "000", "111", "112"


class Prediction(BaseModel):
    """PaddleHub's response."""

    status: str = Field(description="000 success, 101 error, 111 unknown module, 112 the body is not JSON.")
    msg: str = Field(description="The error, or after success a notice about changed parameters.")
    results: str = Field(description="A docarray DocumentArray in base64 (docarray 0.19 to 0.21), or empty.")


def _request_body() -> dict[str, Any]:
    """Return the description of the body. FastAPI does not validate it: the response to an invalid body has status 200."""
    fields = JobRequest.model_json_schema()["properties"]
    known = {p.name: {"anyOf": [fields[p.field], {"type": "null"}]} for p in PARAMETERS if p.field in fields}
    device = {"use_gpu": {"type": ["boolean", "null"], "description": "Validated, but the server chooses the device."}}
    schema = {
        "title": "PaddleHub",
        "type": "object",
        "properties": {**known, **device, "text_prompts": fields["prompts"]},
        "required": ["text_prompts"],
        "additionalProperties": False,
    }
    examples = {"example": {"value": {"text_prompts": "孤舟蓑笠翁，独钓寒江雪。", "artist": "齐白石", "steps": 20}}}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


@router.post(
    "/predict/{module}",
    response_model=Prediction,
    responses=error_responses(*READ_ERRORS, 408, 422, 503, model=Prediction),
    openapi_extra={"requestBody": _request_body()},
)
def predict(
    module: str,
    body: BodyDep,
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
        values = read_json(request, body)
        notices = [] if resolved.notice is None else [resolved.notice]
        paint = _to_paint_request(values, context)
        rounded = size_notice(values, paint)
        notices += [] if rounded is None else [rounded]
        changed = paint.with_changes(model=resolved.model)
        notices += context.models.check_prompts(context.models.with_defaults(changed))
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
    try:
        job = context.runner.get(id)
    except JobNotFound as error:  # another client has deleted the job
        reply = Prediction(status=PADDLEHUB_ERROR, msg=error.in_language(language), results="")
        return reply.model_dump_json().encode()
    if job.state == "finished":
        documents = to_documents(job.run.artwork(), to_tags(job.request))
        return Prediction(status=DONE, msg=msg, results=str(documents.to_base64())).model_dump_json().encode()
    if job.failure is not None:
        text = job.failure.text
    elif job.state == "cancelled":
        text = Text("任务已取消。", "The job was cancelled.")
    else:
        text = stopping_error(job).text
    reply = Prediction(status=PADDLEHUB_ERROR, msg=text.in_language(language), results="")
    return reply.model_dump_json().encode()


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
        values = {
            **values,
            "init_image": load_init_image(source, allow_urls=context.allow_urls, slot=context.decoding_slot),
        }
    # use_gpu is validated as in the original; the server chooses the device.
    return to_request(values).with_changes(device=AUTO)


def _reply(status: str, msg: str) -> JSONResponse:
    text = shorten(sanitize_utf8(msg), 600)
    return JSONResponse(Prediction(status=status, msg=text, results="").model_dump())
