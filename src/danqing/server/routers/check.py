"""`/v1/check`: messages about a request before it is painted."""

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from danqing.client.schemas import NoticeView
from danqing.server.dependencies import ContextDep
from danqing.server.job_schema import JobRequest
from danqing.server.openapi_responses import FIND_ERRORS, error_responses, example
from danqing.server.request_body import JsonRoute

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=JsonRoute)


class Check(BaseModel):
    """Messages about a request: weights, language, too long prompts, unknown characters; its time and its memory."""

    notices: tuple[NoticeView, ...] = Field(description="Empty if there is nothing to say.")
    seconds: float | None = Field(description="Expected time to paint it; null until the service has timed a step.")
    memory: int | None = Field(
        description="Expected peak memory in bytes, weights included; null until the model is loaded and has been asked, about a "
        "second: ask again."
    )


@router.post("/check", responses=error_responses(*FIND_ERRORS, 400, 408, 415))
def check_request(
    body: Annotated[JobRequest, Body(openapi_examples=example({"prompts": "a red boat"}))], context: ContextDep
) -> Check:
    """Check a request without painting it; `danqing draw --plan` prints the same messages."""
    request = context.models.with_defaults(body.to_request())
    context.limits.check(request, context.settings, given=body.model_fields_set)
    notices = tuple(NoticeView(zh=text.zh, en=text.en) for text in context.models.check_prompts(request))
    named = request.model_copy(update={"model": context.models.resolve(request.model)})
    runner = context.runner
    return Check(notices=notices, seconds=runner.estimate_seconds(named), memory=runner.estimate_memory(named))
