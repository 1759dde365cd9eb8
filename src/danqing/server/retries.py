"""Repeated calls: a client that repeats a call after a timeout gets the job of its first call."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from danqing.errors import InvalidRequest
from danqing.jobs.job_store import idempotent_id
from danqing.server.dependencies import OwnerDep

RETRY_SECONDS = 900.0
"""A call marked as a retry matches an unfinished job with the same request that is at most this old."""
_MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class Retry:
    """Job ID and retry window of a call, as `JobRunner.submit` takes them."""

    id: str | None
    seconds: float


async def read_retry(
    owner: OwnerDep,
    idempotency_key: Annotated[str, Header(description="Calls with the same key create one job.")] = "",
    x_stainless_retry_count: Annotated[
        str, Header(description="Number of the retry, sent by OpenAI's clients.", include_in_schema=False)
    ] = "",
) -> Retry:
    """Read the headers that mark repeated calls. Async, so that it does not use a thread.

    Raises:
        InvalidRequest: the Idempotency-Key is too long.
    """
    if len(idempotency_key) > _MAX_KEY:
        zh, en = f"Idempotency-Key 最多 {_MAX_KEY} 个字符。", f"Idempotency-Key is limited to {_MAX_KEY} characters."
        raise InvalidRequest(zh, en, field="Idempotency-Key")
    if idempotency_key:
        return Retry(idempotent_id(owner, idempotency_key), 0.0)
    count = x_stainless_retry_count
    is_retry = count.isascii() and count.isdecimal() and count.strip("0") != ""
    return Retry(None, RETRY_SECONDS if is_retry else 0.0)


RetryDep = Annotated[Retry, Depends(read_retry)]
