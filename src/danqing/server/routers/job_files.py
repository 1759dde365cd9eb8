"""The files of a job, found by its id and numbers alone: no part of an address is ever used as a path."""

import base64
import os
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from fastapi import Path as InPath

from danqing.errors import JobNotFound
from danqing.jobs import Job
from danqing.results import run_layout
from danqing.server import openapi_responses
from danqing.server.job_views import MEDIA_TYPES, Kind
from danqing.server.openapi_responses import FIND_ERRORS, error_responses
from danqing.server.routers.jobs import ContextDep, own_job

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["pictures"])

Own = Annotated[Job, Depends(own_job)]
Number = Annotated[int, InPath(ge=0, le=10_000)]
Known = Annotated[str, Header(alias="If-None-Match", description="ETag of the file that the caller has.")]

STARTS = {kind: f"image/{kind}" for kind in ("png", "jpeg", "webp")}
"""Kinds of start pictures, as `read_start` writes them into a request."""
_ANSWERS = error_responses(*FIND_ERRORS) | {304: {"description": "The caller has it already."}}


@router.get(
    "/pictures/{number}.{kind}",
    response_class=Response,
    responses={200: openapi_responses.file("The picture, or how it came about", *MEDIA_TYPES.values()), **_ANSWERS},
)
def get_picture(job: Own, service: ContextDep, number: Number, kind: Kind, if_none_match: Known = "") -> Response:
    """A finished picture (png), or the animation of how it came about (gif, webp, mp4 as `save` asked for)."""
    return _send(job, run_layout.picture_file(number, kind), service.settings.home, if_none_match)


@router.get(
    "/previews/{number}/{step}.png",
    response_class=Response,
    responses={200: openapi_responses.file("The preview", "image/png"), **_ANSWERS},
)
def get_preview(job: Own, service: ContextDep, number: Number, step: Number, if_none_match: Known = "") -> Response:
    """A look at a picture on its way."""
    return _send(job, run_layout.preview_file(number, step), service.settings.home, if_none_match)


@router.get(
    "/sheet.png",
    response_class=Response,
    responses={200: openapi_responses.file("The sheet", "image/png"), **_ANSWERS},
)
def get_sheet(job: Own, service: ContextDep, if_none_match: Known = "") -> Response:
    """All pictures of the job on one sheet."""
    return _send(job, run_layout.SHEET, service.settings.home, if_none_match)


@router.get(
    "/start",
    response_class=Response,
    responses={200: openapi_responses.file("The picture that the job starts from", *STARTS.values()), **_ANSWERS},
)
def get_start(job: Own, if_none_match: Known = "") -> Response:
    """The picture that the job starts from, as it was given."""
    head, _, data = (job.request.init_image or "").partition(",")
    kind = head.removeprefix("data:image/").removesuffix(";base64")
    if kind not in STARTS:
        raise JobNotFound(f"任务 {job.id} 没有底图。", f"The job {job.id} has no start picture.")
    return _answer(base64.b64decode(data), STARTS[kind], if_none_match, name=f"{job.id[:8]}-start.{kind}")


def _send(job: Job, name: str, home: Path, known: str) -> Response:
    """A file of a job's folder.

    Args:
        name: made here, from numbers.
        home: what the file must lie in.
        known: ETags that the caller has.
    """
    data = _read(job.folder / name, home)
    if data is None:
        raise JobNotFound(f"任务 {job.id} 里没有这个文件。", f"The job {job.id} has no such file.")
    return _answer(data, MEDIA_TYPES[name.rpartition(".")[2]], known, name=f"{job.id[:8]}-{name.replace('/', '-')}")


def _answer(data: bytes, kind: str, known: str, *, name: str) -> Response:
    """The bytes of a file of that media type, or the word that the caller has them."""
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    # The bytes of a picture never change, but a job may be forgotten: so the caller keeps them and asks each time.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if known.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(data, media_type=kind, headers=headers)


def _read(file: Path, home: Path) -> bytes | None:
    """The bytes of a file; None where there is none, or only a link, or one that lies outside."""
    if not file.resolve().is_relative_to(home.resolve()):
        return None
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        return stream.read()
