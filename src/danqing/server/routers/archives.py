"""`/v1/archives`: the pictures of several jobs as one ZIP file."""

import re
import tempfile
import time
import zipfile
from collections.abc import Iterator
from typing import IO, Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Body
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from danqing.errors import JobNotFound
from danqing.jobs import Job
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep, OwnerDep
from danqing.server.openapi_responses import CHANGE_ERRORS, error_responses
from danqing.server.request_body import JsonRoute
from danqing.server.routers.jobs import own_job

router = APIRouter(prefix="/v1", tags=["pictures"], route_class=JsonRoute)

MAX_IN_MEMORY = 32 * 2**20
"""Bytes of an archive that are kept in memory; a larger one is written to a temporary file."""
_CHUNK = 2**18


class ArchiveRequest(BaseModel):
    """The jobs whose pictures are wanted."""

    ids: list[UUID] = Field(min_length=1, max_length=500)


@router.post(
    "/archives",
    response_class=StreamingResponse,
    responses={
        200: openapi_responses.file("The ZIP file", "application/zip"),
        **error_responses(*CHANGE_ERRORS, 400, 408),
    },
)
def create_archive(
    wanted: Annotated[ArchiveRequest, Body()], context: ContextDep, owner: OwnerDep
) -> StreamingResponse:
    """Return all finished pictures of the jobs in one ZIP file. Nothing is stored."""
    jobs = [own_job(id, context, owner) for id in dict.fromkeys(wanted.ids)]
    if not any(job.pictures for job in jobs):
        raise JobNotFound("选中的任务还没有画好的图片。", "The selected jobs have no finished pictures yet.")
    file = tempfile.SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115 (closed by `_chunks`)
    _write(file, jobs)
    headers = {"Content-Disposition": 'attachment; filename="danqing.zip"', "Content-Length": str(file.tell())}
    return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def _write(file: IO[bytes], jobs: list[Job]) -> None:
    # PNG files do not become smaller by compression.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for job in jobs:
            for picture in job.pictures:
                archive.write(picture, _name(job, int(picture.stem)))


def _name(job: Job, number: int) -> str:
    """Return a file name with the time, the beginning of the sentence, and a part of the ID, which makes it unique."""
    prompts = cast("list[str]", job.values.get("prompts") or [""])
    title = re.sub(r"\W+", "_", prompts[0]).strip("_")[:30]
    created = time.strftime("%Y%m%d-%H%M%S", time.localtime(job.created))
    return f"{created}-{title}-{job.id[:6]}-{number}.png"


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk
