"""Completes a request: the canvas, defaults of the model, the model's name and a seed."""

import secrets
from datetime import date

from danqing.errors import InvalidRequest
from danqing.prompt import parse_prompts
from danqing.request import Request
from danqing.request.editing import canvas_of, edits_picture
from danqing.settings import Settings
from danqing.zoo.registry import get_installed_clip, get_installed_upscaler
from danqing.zoo.spec import ModelSpec

_MODERN_STYLES = ("油画", "像素", "素描", "照片", "赛博", "科幻", "卡通", "动漫")
"""Styles in which an inscription is written in lines from left to right."""


def fit_canvas(request: Request, *, offline: bool) -> Request:
    """Return a request whose canvas fits the picture that it changes; others are returned as they are.

    Args:
        request: without an extension, a size that is set remains.
        offline: do not read http(s) URLs.
    Raises:
        InvalidRequest: the initial image cannot be read, or its extended canvas has sides that are not multiples of 64.
    """
    if request.init_image is None or not edits_picture(request):
        return request
    if request.extend is None and "size" in request.model_fields_set:
        return request
    from danqing.inputs.image_file import display_name, read_header, read_image_bytes

    header = read_header(read_image_bytes(request.init_image, offline=offline), display_name(request.init_image))
    width, height = canvas_of((header.width, header.height), request)
    if "size" in request.model_fields_set:
        return request
    return request.with_changes(size=(width * request.upscale, height * request.upscale))


def resolve_request(request: Request, spec: ModelSpec, settings: Settings) -> Request:
    """Fill in the defaults of the model, its name and a seed.

    Args:
        request: fields that are not set are completed in.
        spec: the model that will paint it.
        settings: size limit and location of models.
    Returns:
        A request that reproduces the picture.
    Raises:
        InvalidRequest: the canvas exceeds `settings.max_pixels`, the initial image that sets the size cannot be used, or
            `guidance_scale` is set for a model that is not text-conditional.
        ModelNotFound: a CLIP or the upscaler of the request is not installed.
    """
    request = fit_canvas(request, offline=settings.offline)
    completed = request.with_defaults(spec.defaults_for(request))
    width, height = completed.canvas
    max_pixels = settings.max_pixels
    if width * height > max_pixels:
        raise InvalidRequest(
            f"尺寸 {width}x{height} 超过上限 {max_pixels:,} 像素。请减小尺寸，或调高环境变量 DANQING_MAX_PIXELS。",
            f"The size {width}x{height} exceeds {max_pixels:,} pixels. Use a smaller size or raise DANQING_MAX_PIXELS.",
            field="size",
        )
    if completed.guidance_scale is not None and not spec.is_text_conditional:
        raise InvalidRequest(
            f"模型 {spec.name} 不以文本为条件，不能用无分类器引导。请去掉无分类器引导的强度，改用 CLIP 引导的强度。",
            f"The model {spec.name} is not text-conditional and has no classifier-free guidance. Remove the guidance "
            "scale and use the CLIP guidance scale instead.",
            field="guidance_scale",
        )
    for clip in completed.clip_weights():
        get_installed_clip(clip.name, settings)
    if completed.upscale > 1:
        name = spec.upscaler if completed.upscaler == "auto" and spec.upscaler else completed.upscaler
        completed = completed.model_copy(update={"upscaler": get_installed_upscaler(name, settings).name})
    completed = _resolve_finish(completed, settings)
    seed = secrets.randbits(32) if completed.seed is None else completed.seed
    resolved = completed.model_copy(update={"seed": seed, "model": spec.name})
    for cell in resolved.cells():
        resolve_request(cell, spec, settings)  # raises the errors of the values of a grid
    return resolved


def _resolve_finish(request: Request, settings: Settings) -> Request:
    """Replace `auto` and the word 年款 by texts, so that the stored request reproduces the inscription on another day.

    Raises:
        InvalidRequest: the inscription, the seal or the mount cannot be used, for example because no font is installed.
    """
    if request.finish_options().is_empty:
        return request
    from danqing.finishing.finish import check_fit
    from danqing.finishing.preparation import prepare
    from danqing.finishing.sexagenary import DATE_WORD, fill_date

    today = date.today()
    texts: dict[str, str] = {}
    if request.inscription == "auto":
        texts["inscription"] = parse_prompts(request.prompts)[0].text
        texts["signature"] = fill_date(request.signature or DATE_WORD, today)
    elif request.signature is not None:
        texts["signature"] = fill_date(request.signature, today)
    if request.inscription and request.writing == "auto" and any(word in request.prompts[0] for word in _MODERN_STYLES):
        texts["writing"] = "横排"
    resolved = request.with_changes(**texts) if texts else request
    check_fit(resolved.size, prepare(resolved.finish_options(), settings.fonts, day=today))
    return resolved
