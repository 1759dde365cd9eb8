"""Errors on their way to a caller: their status, and their shape: OpenAI's everywhere, PaddleHub's below /predict."""

from math import ceil
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import Headers

from danqing.errors import (
    DanqingError,
    InvalidRequest,
    JobConflict,
    JobNotFound,
    ModelNotFound,
    RunNotFound,
    ServiceBusy,
    StorageError,
    TooManyJobs,
)
from danqing.i18n import Language

EXCEPTION = "101"
"""PaddleHub's status for anything that went wrong while a module worked."""


class Refusal(DanqingError):
    """What the service answers instead of doing something.

    status: the HTTP status.
    code: one English word for programs.
    field: the field that is at fault, if one is.
    retry_after: seconds after which trying again makes sense.
    """

    def __init__(
        self, status: int, code: str, zh: str, en: str, *, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(zh, en)
        self.status = status
        self.code = code
        self.field = field
        self.retry_after = retry_after


class Problem(BaseModel):
    """What is wrong and what to do next."""

    message: str = Field(description="One sentence, in Chinese, or in English where Accept-Language asks for it.")
    type: str = Field(description="invalid_request_error, authentication_error, rate_limit_error or server_error.")
    param: str | None = Field(default=None, description="The field at fault.")
    code: str = Field(description="One word for programs.")
    request_id: str = Field(description="Also in the header X-Request-ID and in the server's log.")


class ErrorAnswer(BaseModel):
    """Every error of /v1, in OpenAI's shape."""

    error: Problem


def to_refusal(error: DanqingError) -> Refusal:
    """The status and code of one of our errors."""
    match error:
        case Refusal():
            return error
        case InvalidRequest():
            return Refusal(422, "invalid_value", error.zh, error.en, field=error.field)
        case ModelNotFound():
            return Refusal(404, "model_not_found", error.zh, error.en, field="model")
        case JobNotFound() | RunNotFound():
            return Refusal(404, "not_found", error.zh, error.en)
        case JobConflict():
            return Refusal(409, "conflict", error.zh, error.en)
        case ServiceBusy():
            status, code = (429, "too_many_jobs") if isinstance(error, TooManyJobs) else (503, "busy")
            return Refusal(status, code, error.zh, error.en, retry_after=max(1, ceil(error.retry_after)))
        case StorageError():
            return Refusal(503, "storage", error.zh, error.en, retry_after=60)
        case _:
            return Refusal(500, "failed", error.zh, error.en)


def answer(refusal: Refusal, *, path: str, request_id: str, language: Language) -> JSONResponse:
    """The answer that a caller of this path understands.

    Args:
        refusal: what is wrong.
        path: of the request; below /predict/ the answer has PaddleHub's shape.
        request_id: goes into the answer.
        language: zh or en.
    """
    text = writable(refusal.in_language(language))
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if path.startswith("/predict/"):
        content: dict[str, Any] = {"status": EXCEPTION, "msg": f"{text} [{request_id}]", "results": ""}
    else:
        problem = Problem(
            message=text, type=type_of(refusal.status), param=refusal.field, code=refusal.code, request_id=request_id
        )
        content = ErrorAnswer(error=problem).model_dump()
    return JSONResponse(content, refusal.status, headers)


def language_of(headers: Headers, default: Language) -> Language:
    """Return the first of zh and en in Accept-Language, or the server's own language."""
    for part in headers.get("accept-language", "").lower().split(","):
        language = part.strip()[:2]
        if language in ("zh", "en"):
            return language
    return default


def writable(text: str) -> str:
    """The text with what cannot be sent as UTF-8 replaced: an error may quote what a caller wrote."""
    return text.encode("utf-8", "replace").decode("utf-8")


def type_of(status: int) -> str:
    """OpenAI's word for the kind of an error."""
    match status:
        case 401 | 403:
            return "authentication_error"
        case 429:
            return "rate_limit_error"
        case _:
            return "server_error" if status >= 500 else "invalid_request_error"
