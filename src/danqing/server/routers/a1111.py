"""`/sdapi/v1`: the routes of AUTOMATIC1111's API that its clients use most."""

import base64
import binascii
import json
from time import localtime, strftime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from danqing.client.schemas import NoticeView
from danqing.errors import InvalidRequest, ModelNotFound
from danqing.i18n import Text
from danqing.inputs.image_file import decode_base64
from danqing.jobs import Job
from danqing.prompt import parse_prompt
from danqing.request import Request as PaintRequest
from danqing.results import run_layout
from danqing.server.a1111_schema import (
    SAMPLERS,
    Img2ImgRequest,
    OptionsRequest,
    PngInfoRequest,
    Txt2ImgRequest,
    checkpoint_name,
)
from danqing.server.dependencies import ContextDep, OwnerDep, ServerContext, submit_job
from danqing.server.image_metadata import find_metadata
from danqing.server.job_response import JobResponse
from danqing.server.job_sources import load_sources
from danqing.server.job_views import notice_views
from danqing.server.openapi_responses import CREATE_ERRORS, READ_ERRORS, error_responses
from danqing.server.request_body import JsonRoute

router = APIRouter(prefix="/sdapi/v1", tags=["automatic1111"], route_class=JsonRoute)

_ERRORS = error_responses(*CREATE_ERRORS, 500)


class GeneratedImages(BaseModel):
    """The finished images."""

    images: list[str] = Field(description="PNG files in base64.")
    parameters: dict[str, object] = Field(description="The request, without its images.")
    info: str = Field(description="JSON: seeds, size, steps, and a text with the parameters of each image.")
    notices: list[NoticeView] = Field(description="Changed values, and parameters without effect.")


class CheckpointEntry(BaseModel):
    """A model."""

    title: str
    model_name: str
    hash: str | None = None
    sha256: str | None = None
    filename: str
    config: str | None = None


class SamplerEntry(BaseModel):
    """A sampler and its other names."""

    name: str
    aliases: list[str]
    options: dict[str, str] = {}


class Options(BaseModel):
    """The options that exist here."""

    sd_model_checkpoint: str
    samples_format: str = "png"


class ProgressState(BaseModel):
    """The current job."""

    skipped: bool = False
    interrupted: bool
    job: str
    job_count: int = Field(description="Unfinished jobs.")
    job_timestamp: str
    job_no: int
    sampling_step: int
    sampling_steps: int


class ProgressReport(BaseModel):
    """Progress of the current job of this API key."""

    progress: float = Field(description="0 to 1.")
    eta_relative: float = Field(description="Remaining seconds; 0 if unknown.")
    state: ProgressState
    current_image: str | None = Field(description="The last preview, a PNG in base64.")
    textinfo: str | None = None


class PngInfo(BaseModel):
    """Parameters in the metadata of an image."""

    info: str = Field(description="Parameters as text; empty if there are none.")
    items: dict[str, str]
    parameters: dict[str, object]


@router.post("/txt2img", response_model=GeneratedImages, responses=_ERRORS)
async def txt2img(body: Txt2ImgRequest, context: ContextDep, owner: OwnerDep, request: Request) -> Response:
    """Paint from a prompt. The negative prompt has a negative weight; sizes are rounded to multiples of 64.

    `notices` names changed values and parameters without effect. White space is sent while the images are painted.
    """
    return await _paint(_Call(body, context, owner, request))


@router.post("/img2img", response_model=GeneratedImages, responses=_ERRORS)
async def img2img(body: Img2ImgRequest, context: ContextDep, owner: OwnerDep, request: Request) -> Response:
    """Paint from an image and a prompt; `denoising_strength` is the fraction of the steps that are taken."""
    return await _paint(_Call(body, context, owner, request))


@router.get("/options", responses=error_responses(*READ_ERRORS))
def get_options(context: ContextDep, owner: OwnerDep) -> Options:
    """Return the selected model of this API key."""
    return Options(sd_model_checkpoint=_selected(context, owner))


@router.post("/options", responses=error_responses(*CREATE_ERRORS))
def set_options(body: OptionsRequest, context: ContextDep, owner: OwnerDep) -> None:
    """Select the model of later calls with this API key, until the service ends. Other options have no effect."""
    if body.sd_model_checkpoint:
        context.selected_models[owner] = context.models.resolve(checkpoint_name(body.sd_model_checkpoint))


@router.get("/sd-models", responses=error_responses(*READ_ERRORS))
def list_checkpoints(context: ContextDep) -> list[CheckpointEntry]:
    """List the models."""
    return [
        CheckpointEntry(title=name, model_name=name, filename=f"{name}.safetensors") for name in context.models.models
    ]


@router.get("/samplers", responses=error_responses(*READ_ERRORS))
def list_samplers() -> list[SamplerEntry]:
    """List the samplers."""
    return [SamplerEntry(name=names[0], aliases=[name, *names[1:]]) for name, names in SAMPLERS.items()]


@router.get("/progress", responses=error_responses(*READ_ERRORS, 422))
def get_progress(context: ContextDep, owner: OwnerDep, skip_current_image: bool = False) -> ProgressReport:
    """Return the progress of the job that is being painted, or of the next one."""
    unfinished = context.runner.jobs(owner=owner or None, states=("painting", "queued"), limit=200)
    job = next((job for job in unfinished if job.state == "painting"), unfinished[-1] if unfinished else None)
    preview = None if job is None or skip_current_image else _last_preview(job)
    return ProgressReport(
        progress=round(job.progress, 4) if job else 0.0,
        eta_relative=(context.runner.get(job.id).seconds_left or 0.0) if job else 0.0,
        state=ProgressState(
            interrupted=job is not None and job.cancelling,
            job=job.id if job else "",
            job_count=len(unfinished),
            job_timestamp=strftime("%Y%m%d%H%M%S", localtime(job.created)) if job else "0",
            job_no=job.picture if job else 0,
            sampling_step=job.step if job else 0,
            sampling_steps=job.steps if job else 0,
        ),
        current_image=preview,
    )


@router.post("/interrupt", responses=error_responses(*READ_ERRORS))
def interrupt(context: ContextDep, owner: OwnerDep) -> dict[str, str]:
    """Cancel the job that is being painted for this API key."""
    for job in context.runner.jobs(owner=owner or None, states=("painting",), limit=200):
        context.runner.cancel(job.id)
    return {}


@router.post("/png-info", responses=error_responses(*CREATE_ERRORS))
def png_info(body: PngInfoRequest) -> PngInfo:
    """Return the parameters in the metadata of an image that Danqing has painted."""
    try:
        data = decode_base64(body.image.rpartition(",")[2])
    except binascii.Error as error:
        zh, en = "图片不是有效的 base64。", "The image is not valid base64."
        raise InvalidRequest(zh, en, field="image") from error
    metadata = find_metadata(data)
    if metadata is None:
        return PngInfo(info="", items={}, parameters={})
    text = _to_text(metadata.request, metadata.seed, metadata.model)
    return PngInfo(info=text, items={"parameters": text}, parameters=metadata.request.to_dict())


class _Call:
    """One call of `txt2img` or `img2img`."""

    def __init__(self, body: Txt2ImgRequest, context: ServerContext, owner: str, request: Request) -> None:
        self.body = body
        self.context = context
        self.owner = owner
        self.request = request
        self.notices: list[Text] = []

    def submit(self) -> Job:
        """Submit the job."""
        paint = self.body.to_request(_selected(self.context, self.owner))
        paint = load_sources(paint, self.context, self.owner)
        job = submit_job(paint, self.context, owner=self.owner)
        self.notices = [*self.body.notices(), *self.context.models.notices_of(job)]
        return job

    def render(self, job: Job) -> dict[str, object]:
        """Return the body of the response."""
        files = job.pictures if self.body.send_images else ()
        seeds = [job.seed + int(file.stem) for file in job.pictures]
        width, height = job.request.size
        info: dict[str, object] = {
            "prompt": self.body.prompt,
            "all_prompts": [self.body.prompt] * len(seeds),
            "negative_prompt": self.body.negative_prompt,
            "seed": job.seed,
            "all_seeds": seeds,
            "width": width,
            "height": height,
            "sampler_name": SAMPLERS[job.request.sampler][0],
            "steps": job.request.steps,
            "batch_size": job.batch_size,
            "sd_model_name": job.model,
            "job_timestamp": strftime("%Y%m%d%H%M%S", localtime(job.created)),
            "infotexts": [_to_text(job.request, seed, job.model) for seed in seeds],
        }
        return GeneratedImages(
            images=[base64.b64encode(file.read_bytes()).decode() for file in files],
            parameters=self.body.model_dump(exclude={"init_images", "mask"}),
            info=json.dumps(info, ensure_ascii=False),
            notices=list(notice_views(self.notices)),
        ).model_dump()


async def _paint(call: _Call) -> Response:
    job = await run_in_threadpool(call.submit)
    return await JobResponse(job, call.context, call.request, call.render).send()


def _selected(context: ServerContext, owner: str) -> str:
    """Return the model that was selected with `options`; the default if it is no longer offered."""
    try:
        return context.models.resolve(context.selected_models.get(owner, context.models.default))
    except ModelNotFound:
        return context.models.default


def _last_preview(job: Job) -> str | None:
    """Return the last preview of the current image in base64."""
    folder = job.folder / run_layout.previews_folder(job.picture)
    file = max(folder.glob("step-*.png"), default=None)  # step numbers have leading zeros
    try:
        return None if file is None else base64.b64encode(file.read_bytes()).decode()
    except FileNotFoundError:  # removed meanwhile
        return None


def _to_text(request: PaintRequest, seed: int, model: str) -> str:
    """Return parameters as one text in the format that AUTOMATIC1111 writes into PNG files."""
    width, height = request.size
    parsed = [(source, parse_prompt(source)) for source in request.prompts]
    negative = [prompt.text for _, prompts in parsed for prompt in prompts if prompt.weight.max < 0]
    lines = [
        source if len(prompts) == 1 else prompt.text
        for source, prompts in parsed
        for prompt in prompts
        if prompt.weight.max >= 0
    ]
    if negative:
        lines.append(f"Negative prompt: {', '.join(negative)}")
    values = f"Steps: {request.steps}, Sampler: {SAMPLERS[request.sampler][0]}, Seed: {seed}"
    return "\n".join([*lines, f"{values}, Size: {width}x{height}, Model: {model}"])
