"""Responses of routes that wait for a job: white space until the job has ended, then JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from danqing.errors import DanqingError
from danqing.jobs import Job
from danqing.server.dependencies import ServerContext
from danqing.server.errors import ApiError, error_content, language_of, to_api_error
from danqing.server.event_stream import KEEPALIVE_SECONDS
from danqing.server.job_views import job_path

Render = Callable[[Job], dict[str, object]]
"""Returns the body of the response for a finished job."""

_STATUS: Mapping[str, int] = {"storage": 503, "request": 422}
"""HTTP status by reason of a failure; 500 for others. A mask, for example, is only checked when painting begins."""


@dataclass(frozen=True, slots=True)
class JobResponse:
    """The response of a route that waits for a job.

    Attributes:
        job: as it was queued.
        context: state of the service.
        request: the HTTP request.
        render: builds the response once the job has ended; called in a thread.
    """

    job: Job
    context: ServerContext
    request: Request
    render: Render

    async def send(self) -> Response:
        """Wait for the job and return its response.

        If the job takes more than a few seconds, the headers are sent at once, followed by white space until the JSON is
        complete, so that proxies keep the connection open. A job that fails after that is an error in the body, with status 200.

        Raises:
            DanqingError: the job failed within a few seconds.
        """
        headers = {"X-Job-Id": self.job.id}
        waiting = asyncio.ensure_future(self.context.job_events.wait(self.job.id))
        done, _ = await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS / 2)
        if done:
            return JSONResponse(await run_in_threadpool(self._content, waiting.result()), headers=headers)
        headers["X-Accel-Buffering"] = "no"
        return StreamingResponse(self._wait(waiting), media_type="application/json", headers=headers)

    def error(self, error: DanqingError) -> bytes:
        """Return an error as JSON, as far as the response has begun."""
        api_error = to_api_error(error)
        language = language_of(self.request.headers, self.context.settings.language)
        path = self.request.scope["path"].removeprefix(self.context.root_path)
        content = error_content(api_error, path=path, request_id=self.request.state.request_id, language=language)
        return bytes(JSONResponse(content).body)

    async def _wait(self, waiting: "asyncio.Future[Job]") -> AsyncIterator[bytes]:
        try:
            while True:
                yield b" "
                done, _ = await asyncio.wait({waiting}, timeout=KEEPALIVE_SECONDS)
                if done:
                    break
            content = await run_in_threadpool(self._content, waiting.result())
            yield bytes(JSONResponse(content).body)
        except DanqingError as error:  # JobNotFound if another client has deleted the job
            yield self.error(error)
        finally:
            waiting.cancel()

    def _content(self, job: Job) -> dict[str, object]:
        check_finished(job)
        return self.render(job)


def check_finished(job: Job) -> None:
    """Raise an error unless the job is finished.

    Raises:
        ApiError: it failed, was cancelled, or the service is stopping.
    """
    match job.state:
        case "finished":
            return
        case "cancelled":
            raise ApiError(409, "cancelled", "任务已取消。", "The job was cancelled.")
        case "failed" if job.failure is not None:
            status = _STATUS.get(job.failure.reason, 500)
            raise ApiError(status, job.failure.reason, job.failure.text.zh, job.failure.text.en)
        case _:
            raise stopping_error(job)


def stopping_error(job: Job) -> ApiError:
    """Return the error for clients that wait for a job while the service shuts down."""
    zh = f"服务正在停止；任务 {job.id} 在重新启动后继续，见 {job_path(job)}。"
    en = f"The service is shutting down. Job {job.id} continues after the restart: see {job_path(job)}."
    return ApiError(503, "stopping", zh, en, retry_after=10)
