"""`/predict/<module>`: PaddleHub's route, for clients that were written for the original and stay as they are."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.errors import DanqingError, InvalidRequest
from danqing.i18n import Language
from danqing.jobs import Job
from danqing.paddlehub.parameters import to_parameters, to_request
from danqing.request import Request as Painting
from danqing.results.docarray_export import require_docarray, to_documents
from danqing.server import openapi_responses
from danqing.server.dependencies import Service, submit
from danqing.server.errors import EXCEPTION, Refusal, language_of, writable
from danqing.server.middleware import is_json
from danqing.server.model_registry import AUTO
from danqing.server.openapi_responses import problems
from danqing.server.request_body import parse, read_bytes
from danqing.server.request_parsing import read_start
from danqing.server.routers.jobs import Here, Owner
from danqing.server.routers.openai_images import stopping

router = APIRouter(tags=["paddlehub"])

DONE, NO_MODULE, NOT_JSON = "000", "111", "112"


class Prediction(BaseModel):
    """PaddleHub's envelope."""

    status: str = Field(description="000 done, 101 something went wrong, 111 unknown module, 112 the body is not JSON.")
    msg: str = Field(description="What went wrong; after success, what was done otherwise than asked.")
    results: str = Field(description="A docarray DocumentArray in base64 (docarray 0.19 to 0.21 read it), or nothing.")


@router.post(
    "/predict/{module}",
    response_model=Prediction,
    responses=problems(401, 403, 408, 413, 503, model=Prediction),
    openapi_extra=openapi_responses.body("PaddleHub", openapi_responses.PREDICT),
)
def predict(
    module: str, body: Annotated[bytes, Depends(read_bytes)], service: Here, owner: Owner, request: Request
) -> JSONResponse | StreamingResponse:
    """Paint with the original's parameters; always 200, `status` says how it went.

    There is no time-out: while the picture is being painted, white space is sent, which JSON allows in front. A client that goes
    away stops nothing: the job, whose id is in X-Job-Id, is among /v1/jobs. `output_dir` and paths are refused.
    """
    language = language_of(request.headers, service.settings.language)
    try:
        painter = service.shelf.module(module)
        if painter is None:
            zh, en = f"没有模块 {module}。", f"There is no module {module}."
            return _reply(NO_MODULE, en if language == "en" else zh)
        values = _read_json(request.headers.get("content-type", ""), body)
        remarks = [] if painter.remark is None else [painter.remark]
        painting = _painting(values, allow_urls=service.allow_urls)
        remarks += _floored(values, painting)
        job = submit(painting.with_changes(model=painter.model), service, owner=owner)
    except Refusal as error:
        status = NOT_JSON if error.code in ("not_json", "not_an_object") else EXCEPTION
        return _reply(status, error.in_language(language))
    except DanqingError as error:
        return _reply(EXCEPTION, error.in_language(language))
    msg = " ".join(remark[language == "en"] for remark in remarks)
    stream = _wait(job, service, msg=msg, language=language)
    return StreamingResponse(stream, media_type="application/json", headers={"X-Job-Id": job.id})


async def _wait(job: Job, service: Service, *, msg: str, language: Language) -> AsyncIterator[bytes]:
    async for numbered in service.feed.events(job.id):
        if numbered is None:
            yield b" "
    yield await run_in_threadpool(_answer, job.id, service, msg, language)


def _answer(id: str, service: Service, msg: str, language: Language) -> bytes:
    """The envelope with the pictures of a job that is over, or with the reason why there are none."""
    job = service.runtime.get(id)
    if job.state == "finished":
        tags = to_parameters(job.request)
        results = to_documents(job.run.artwork(), tags).to_base64()
        return Prediction(status=DONE, msg=msg, results=str(results)).model_dump_json().encode()
    if job.failure is not None:
        text = job.failure.en if language == "en" else job.failure.zh
    elif job.state == "cancelled":
        text = "The job was cancelled." if language == "en" else "任务已取消。"
    else:
        text = stopping(job).in_language(language)
    return Prediction(status=EXCEPTION, msg=text, results="").model_dump_json().encode()


def _read_json(kind: str, body: bytes) -> dict[str, object]:
    """The parameters.

    Raises:
        Refusal: the body is not JSON, or does not say that it is.
    """
    if not is_json(kind):
        zh = "请求体要是 JSON，并带 Content-type: application/json。"
        raise Refusal(415, "not_json", zh, "The body must be JSON, with Content-type: application/json.")
    return parse(body)


def _painting(values: Mapping[str, object], *, allow_urls: bool) -> Painting:
    """The request behind the original's parameters, without those that are the server's to decide.

    Raises:
        InvalidRequest: a parameter is not known, not allowed here, or cannot be used.
    """
    require_docarray()
    if values.get("output_dir") is not None:
        zh = "output_dir 不由请求决定：图像在回答里。请去掉它。"
        en = "output_dir is not a request's to choose: the pictures are in the answer. Leave it out."
        raise InvalidRequest(zh, en, field="output_dir")
    source = values.get("init_image")
    if isinstance(source, str) and source:
        values = {**values, "init_image": read_start(source, allow_urls=allow_urls)}
    # use_gpu is read as the original reads it; which device paints is the server's to decide.
    return to_request(values).with_changes(device=AUTO)


def _floored(values: Mapping[str, object], painting: Painting) -> list[tuple[str, str]]:
    asked = values.get("width_height")
    if not isinstance(asked, list) or asked == list(painting.size):
        return []
    width, height = painting.size
    return [
        (
            f"宽和高都要是 64 的倍数，{asked} 改为 {width}x{height}。",
            f"Both sides must be multiples of 64: {asked} becomes {width}x{height}.",
        )
    ]


def _reply(status: str, msg: str) -> JSONResponse:
    return JSONResponse(Prediction(status=status, msg=writable(msg), results="").model_dump())
