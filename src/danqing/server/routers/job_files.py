"""Files of a job. File names are built from numbers; no part of a URL is used as a path."""

import base64
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi import Path as PathParam
from fastapi.responses import FileResponse

from danqing.errors import JobNotFound
from danqing.inputs.image_file import IMAGE_FORMATS
from danqing.jobs import Job
from danqing.results import run_layout
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep
from danqing.server.job_views import MEDIA_TYPES, Kind
from danqing.server.openapi_responses import FIND_ERRORS, error_responses
from danqing.server.routers.jobs import OwnJob

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["pictures"])

Number = Annotated[int, PathParam(ge=0, le=10_000)]
IfNoneMatch = Annotated[str, Header(description="ETag of the file that the client has.")]

_INIT_TYPES = frozenset(f"image/{name.lower()}" for name in IMAGE_FORMATS)
_RESPONSES = error_responses(*FIND_ERRORS) | {
    206: {"description": "The part requested with Range."},
    304: {"description": "The client's copy is current."},
    416: {"description": "The requested range is not in the file."},
}


@router.get(
    "/pictures/{number}.{kind}",
    response_class=Response,
    responses={200: openapi_responses.file("The image or its animation", *MEDIA_TYPES.values()), **_RESPONSES},
)
def get_picture(
    job: OwnJob, context: ContextDep, number: Number, kind: Kind, if_none_match: IfNoneMatch = ""
) -> Response:
    """Return a finished image (png), or the animation of its steps (gif, webp, mp4 as requested by `save`)."""
    return _file_response(job, run_layout.picture_file(number, kind), context.settings.home, if_none_match)


@router.get(
    "/previews/{number}/{step}.png",
    response_class=Response,
    responses={200: openapi_responses.file("The preview", "image/png"), **_RESPONSES},
)
def get_preview(
    job: OwnJob, context: ContextDep, number: Number, step: Number, if_none_match: IfNoneMatch = ""
) -> Response:
    """Return a preview of an unfinished image."""
    return _file_response(job, run_layout.preview_file(number, step), context.settings.home, if_none_match)


@router.get(
    "/sheet.png",
    response_class=Response,
    responses={200: openapi_responses.file("The contact sheet", "image/png"), **_RESPONSES},
)
def get_sheet(job: OwnJob, context: ContextDep, if_none_match: IfNoneMatch = "") -> Response:
    """Return a contact sheet with all images of the job."""
    return _file_response(job, run_layout.SHEET, context.settings.home, if_none_match)


@router.get(
    "/start",
    response_class=Response,
    responses={200: openapi_responses.file("The init image", *sorted(_INIT_TYPES)), **_RESPONSES},
)
def get_start(job: OwnJob, if_none_match: IfNoneMatch = "") -> Response:
    """Return the init image of the job as it was uploaded."""
    head, _, data = (job.init_image or "").partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    if media_type not in _INIT_TYPES:
        raise JobNotFound(f"任务 {job.id} 没有底图。", f"Job {job.id} has no init image.")
    content = base64.b64decode(data)
    headers = _cache_headers(f'"{sha256(content).hexdigest()[:32]}"')
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    name = f"{job.id[:8]}-start.{media_type.partition('/')[2]}"
    headers["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(content, media_type=media_type, headers=headers)


def _file_response(job: Job, name: str, home: Path, if_none_match: str) -> Response:
    """Return a file of a job; the response supports Range.

    Args:
        job: the job.
        name: file name in the folder of the job.
        home: folder that must contain the file.
        if_none_match: ETags of the client.
    Raises:
        JobNotFound: there is no such regular file in `home`; links are not followed.
    """
    file = job.folder / name
    if file.is_symlink() or not file.is_file() or not file.resolve().is_relative_to(home.resolve()):
        raise JobNotFound(f"任务 {job.id} 没有这个文件。", f"Job {job.id} has no such file.")
    stat = file.stat()
    headers = _cache_headers(f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        file,
        headers=headers,
        media_type=MEDIA_TYPES[name.rpartition(".")[2]],
        filename=f"{job.id[:8]}-{name.replace('/', '-')}",
        stat_result=stat,
        content_disposition_type="inline",
    )


def _cache_headers(etag: str) -> dict[str, str]:
    # The content of a file never changes, but its job can be deleted: caches have to ask each time.
    return {"ETag": etag, "Cache-Control": "private, no-cache"}


def _matches(if_none_match: str, etag: str) -> bool:
    known = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag in known
