"""Error responses: OpenAI's format everywhere, PaddleHub's below /predict."""

import logging
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
    ServiceStopping,
    StorageError,
    TooManyJobs,
)
from danqing.i18n import Language

_MAX_MESSAGE = 600
_MAX_FIELD = 100

_log = logging.getLogger(__name__)

PADDLEHUB_ERROR = "101"
"""PaddleHub's status for errors of a module."""


class ApiError(DanqingError):
    """An error response.

    Attributes:
        status: HTTP status.
        code: error code for programs, one English word.
        field: name of the invalid field, if any.
        retry_after: seconds after which the client should retry.
    """

    def __init__(
        self, status: int, code: str, zh: str, en: str, *, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(zh, en)
        self.status = status
        self.code = code
        self.field = field
        self.retry_after = retry_after


class ErrorBody(BaseModel):
    """Problem and next step."""

    message: str = Field(description="One sentence in Chinese, or in English if Accept-Language requests it.")
    type: str = Field(description="invalid_request_error, authentication_error, rate_limit_error or server_error.")
    param: str | None = Field(default=None, description="Name of the invalid field.")
    code: str = Field(description="Error code for programs.")
    request_id: str = Field(description="Also in the header X-Request-ID and in the log of the server.")


class ErrorResponse(BaseModel):
    """An error in OpenAI's format."""

    error: ErrorBody


def to_api_error(error: DanqingError) -> ApiError:
    """Convert an exception to an error response.

    Messages of storage errors are replaced, because they contain paths of the server; they are logged instead.
    """
    match error:
        case ApiError():
            return error
        case InvalidRequest():
            return ApiError(422, "invalid_value", error.zh, error.en, field=error.field)
        case ModelNotFound():
            return ApiError(404, "model_not_found", error.zh, error.en, field="model")
        case JobNotFound() | RunNotFound():
            return ApiError(404, "not_found", error.zh, error.en)
        case JobConflict():
            return ApiError(409, "conflict", error.zh, error.en)
        case ServiceBusy():
            status, code = (429, "too_many_jobs") if isinstance(error, TooManyJobs) else (503, "busy")
            code = "stopping" if isinstance(error, ServiceStopping) else code
            return ApiError(status, code, error.zh, error.en, retry_after=max(1, ceil(error.retry_after)))
        case StorageError():
            _log.error("storage", extra={"reason": error.en})
            zh, en = (
                "服务器的存储暂时不可用，请稍后再试。",
                "The storage of the server is unavailable. Try again later.",
            )
            return ApiError(503, "storage", zh, en, retry_after=60)
        case _:
            _log.error("failed", extra={"reason": error.en})
            zh, en = (
                "服务器出错，请把请求编号告诉管理员。",
                "Server error. Report this request ID to the administrator.",
            )
            return ApiError(500, "failed", zh, en)


def too_large(limit: int) -> ApiError:
    """Return the error for a body of more than `limit` bytes."""
    zh, en = f"请求体太大，最多 {limit >> 20} MB。", f"The request body is too large; the limit is {limit >> 20} MB."
    return ApiError(413, "too_large", zh, en)


def error_response(error: ApiError, *, path: str, request_id: str, language: Language) -> JSONResponse:
    """Return the response for an error.

    Args:
        error: the error; long texts in it, which may quote the client, are shortened.
        path: path of the request; below /predict/ the response has PaddleHub's format, below /sdapi/ an additional `detail`.
        request_id: ID included in the response.
        language: zh or en.
    """
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = error_content(error, path=path, request_id=request_id, language=language)
    return JSONResponse(content, error.status, headers)


def error_content(error: ApiError, *, path: str, request_id: str, language: Language) -> dict[str, Any]:
    """Return the body of the response for an error; see `error_response`."""
    text = shorten(sanitize_utf8(error.in_language(language)), _MAX_MESSAGE)
    if path.startswith("/predict/"):
        return {"status": PADDLEHUB_ERROR, "msg": f"{text} [{request_id}]", "results": ""}
    content = ErrorResponse(error=error_body(error, text, request_id)).model_dump()
    return {"detail": text, **content} if path.startswith("/sdapi/") else content


def error_body(error: ApiError, message: str, request_id: str) -> ErrorBody:
    """Return the body of an error in OpenAI's format."""
    param = None if error.field is None else shorten(sanitize_utf8(error.field), _MAX_FIELD)
    return ErrorBody(
        message=message, type=error_type(error.status), param=param, code=error.code, request_id=request_id
    )


def language_of(headers: Headers, default: Language) -> Language:
    """Return the first of zh and en in Accept-Language, or the server's own language."""
    for part in headers.get("accept-language", "")[:1000].lower().split(","):
        language = part.strip()[:2]
        if language in ("zh", "en"):
            return language
    return default


def sanitize_utf8(text: str) -> str:
    """Replace characters that cannot be encoded as UTF-8: an error may quote a client's text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def error_type(status: int) -> str:
    """Return OpenAI's name for the type of an error."""
    match status:
        case 401 | 403:
            return "authentication_error"
        case 429:
            return "rate_limit_error"
        case _:
            return "server_error" if status >= 500 else "invalid_request_error"
