"""Files of a job. File names are built from numbers; no part of a URL is used as a path."""

import base64
import io
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi import Path as PathParam
from fastapi.responses import FileResponse
from PIL import Image

from danqing.errors import JobConflict, JobNotFound
from danqing.inputs.image_file import IMAGE_FORMATS
from danqing.jobs import Job
from danqing.provenance.file_label import copy_label
from danqing.results import run_layout
from danqing.results.convert_png import ImageKind, convert_png
from danqing.results.delete_picture import delete_picture_files
from danqing.server import openapi_responses
from danqing.server.dependencies import ContextDep
from danqing.server.job_views import MEDIA_TYPES, Kind
from danqing.server.openapi_responses import CHANGE_ERRORS, FIND_ERRORS, error_responses
from danqing.server.routers.jobs import OwnJob

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["pictures"])

Number = Annotated[int, PathParam(ge=0, le=10_000)]
Format = Annotated[ImageKind, Query(description="Convert a png to this format.")]
IfNoneMatch = Annotated[str, Header(description="ETag of the file that the client has.")]

_INIT_TYPES = frozenset(f"image/{name.lower()}" for name in IMAGE_FORMATS)
_RESPONSES = error_responses(*FIND_ERRORS) | {
    206: {"description": "The part requested with Range."},
    304: {"description": "The client's copy is current."},
    416: {"description": "The requested range is not in the file."},
}


@router.get(  # before the next route, which matches it too
    "/pictures/{number}-unscaled.png",
    response_class=Response,
    responses={200: openapi_responses.file("The image before it was enlarged", "image/png"), **_RESPONSES},
)
def get_unscaled_picture(job: OwnJob, context: ContextDep, number: Number, if_none_match: IfNoneMatch = "") -> Response:
    """Return a finished image as it was painted, before it was enlarged; only for jobs with `upscale`."""
    return _file_response(job, run_layout.unscaled_file(number), context.settings.home, if_none_match)


@router.get(
    "/pictures/{number}-unfinished.png",
    response_class=Response,
    responses={200: openapi_responses.file("The image without inscription, seal and mount", "image/png"), **_RESPONSES},
)
def get_unfinished_picture(
    job: OwnJob, context: ContextDep, number: Number, if_none_match: IfNoneMatch = ""
) -> Response:
    """Return a finished image as it was painted; only for jobs with an inscription, a seal or a mount and without `upscale`."""
    return _file_response(job, run_layout.unfinished_file(number), context.settings.home, if_none_match)


@router.delete("/pictures/{number:int}.png", status_code=204, responses=error_responses(*CHANGE_ERRORS, 405))
def delete_picture(job: OwnJob, number: Number) -> None:
    """Delete one image of a finished job, with its animations and previews. To delete the last one, delete the job."""
    if job.state != "finished" or len(job.pictures) < 2:
        raise JobConflict(
            "只能删去画完的任务中的一幅，且至少留下一幅。请删去整个任务。",
            "Single images can be deleted from finished jobs only, and one has to remain. Delete the job instead.",
        )
    if run_layout.picture_file(number) not in {file.name for file in job.pictures}:
        raise JobNotFound(f"任务 {job.id} 没有第 {number} 幅。", f"Job {job.id} has no image {number}.")
    delete_picture_files(job.folder, number)


@router.get(
    "/pictures/{number}.{kind}",
    response_class=Response,
    responses={
        200: openapi_responses.file("The image or its animation", *MEDIA_TYPES.values(), "image/jpeg"),
        **_RESPONSES,
    },
)
def get_picture(
    job: OwnJob,
    context: ContextDep,
    number: Number,
    kind: Kind,
    if_none_match: IfNoneMatch = "",
    format: Format = "png",
) -> Response:
    """Return a finished image (png), or the animation of its steps (gif, webp, mp4 as requested by `save`).

    With `format`, the image is converted; its parameters and its label are kept.
    """
    if kind == "png" and format != "png":
        original = _file_response(job, run_layout.picture_file(number, "png"), context.settings.home, "")
        assert isinstance(original, FileResponse)
        content = convert_png(Path(original.path).read_bytes(), format)
        return Response(content, media_type=f"image/{format}", headers={"Cache-Control": "private, no-cache"})
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
    "/thumbnail.webp",
    response_class=Response,
    responses={200: openapi_responses.file("The thumbnail", "image/webp"), **_RESPONSES},
)
def get_thumbnail(
    job: OwnJob,
    context: ContextDep,
    side: Annotated[int, Query(ge=32, le=1024, description="Longest side in pixels.")] = 320,
    picture: Annotated[int | None, Query(ge=0, le=10_000, description="Number of a finished picture.")] = None,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Return the first or the given picture of the job at a small size; of an unfinished job its newest preview."""
    file = job.newest_image if picture is None else job.folder / run_layout.picture_file(picture)
    if file is None or (picture is not None and not file.is_file()):
        raise JobNotFound(f"任务 {job.id} 还没有图片。", f"Job {job.id} has no picture yet.")
    _check_file(job, file, context.settings.home)
    stat = file.stat()
    headers = _cache_headers(f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{side}"')
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(_thumbnail(file, side, stat.st_mtime_ns), media_type="image/webp", headers=headers)


@lru_cache(maxsize=2000)  # about 10 KB each
def _thumbnail(file: Path, side: int, changed: int) -> bytes:
    del changed  # a part of the key of the cache
    buffer = io.BytesIO()
    with Image.open(file, formats=("PNG",)) as image:
        image.thumbnail((side, side), reducing_gap=2.0)
        image.convert("RGB").save(
            buffer, "WEBP", quality=80, method=1
        )  # method=1 takes a third of the time of the default method
    return copy_label(file.read_bytes(), buffer.getvalue())


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
    responses={200: openapi_responses.file("The initial image", *sorted(_INIT_TYPES)), **_RESPONSES},
)
def get_start(job: OwnJob, if_none_match: IfNoneMatch = "") -> Response:
    """Return the initial image of the job as it was uploaded."""
    return _uploaded_picture(job, job.init_image, "start", if_none_match)


@router.get(
    "/mask",
    response_class=Response,
    responses={200: openapi_responses.file("The mask", *sorted(_INIT_TYPES)), **_RESPONSES},
)
def get_mask(job: OwnJob, if_none_match: IfNoneMatch = "") -> Response:
    """Return the mask of the job as it was uploaded."""
    return _uploaded_picture(job, job.mask, "mask", if_none_match)


@router.get(
    "/seal",
    response_class=Response,
    responses={200: openapi_responses.file("The picture of the seal", *sorted(_INIT_TYPES)), **_RESPONSES},
)
def get_seal(job: OwnJob, if_none_match: IfNoneMatch = "") -> Response:
    """Return the picture of the seal of the job as it was uploaded."""
    return _uploaded_picture(job, job.seal, "seal", if_none_match)


def _uploaded_picture(job: Job, source: str | None, name: str, if_none_match: str) -> Response:
    """Return a picture that was sent with the request as a data URI.

    Raises:
        JobNotFound: there is none.
    """
    head, _, data = (source or "").partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    if media_type not in _INIT_TYPES:
        raise JobNotFound(f"任务 {job.id} 没有这张图片。", f"Job {job.id} has no such picture.")
    content = base64.b64decode(data)
    headers = _cache_headers(f'"{sha256(content).hexdigest()[:32]}"')
    if _matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{job.id[:8]}-{name}.{media_type.partition("/")[2]}"'
    return Response(content, media_type=media_type, headers=headers)


def _file_response(job: Job, name: str, home: Path, if_none_match: str) -> Response:
    """Return a file of a job; the response supports Range.

    Args:
        job: the job.
        name: file name in the folder of the job.
        home: see `_check_file`.
        if_none_match: ETags of the client.
    Raises:
        JobNotFound: as for `_check_file`.
    """
    file = job.folder / name
    _check_file(job, file, home)
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


def _check_file(job: Job, file: Path, home: Path) -> None:
    """Raise JobNotFound unless a path is a regular file in `home`, or in the folder of a run; links are not followed."""
    parent = job.folder if job.is_run else home
    if file.is_symlink() or not file.is_file() or not file.resolve().is_relative_to(parent.resolve()):
        raise JobNotFound(f"任务 {job.id} 没有这个文件。", f"Job {job.id} has no such file.")


def _cache_headers(etag: str) -> dict[str, str]:
    # The content of a file never changes, but its job can be deleted: caches have to ask each time.
    return {"ETag": etag, "Cache-Control": "private, no-cache"}


def _matches(if_none_match: str, etag: str) -> bool:
    known = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag in known
