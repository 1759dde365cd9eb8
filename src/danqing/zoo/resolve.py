"""Completes a request: defaults of the model, the model's name and a seed."""

import secrets

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed_clip
from danqing.zoo.spec import ModelSpec


def resolve_request(request: Request, spec: ModelSpec, settings: Settings) -> Request:
    """Fill in the defaults of the model, its name and a seed.

    Args:
        request: fields that are not set are completed in.
        spec: the model that will paint it.
        settings: size limit and location of models.
    Returns:
        A request that reproduces the picture.
    Raises:
        InvalidRequest: the size exceeds `settings.max_pixels`.
        ModelNotFound: a CLIP of the request is not installed.
    """
    completed = request.with_defaults(spec.defaults_for(request))
    width, height = completed.size
    max_pixels = settings.max_pixels
    if width * height > max_pixels:
        raise InvalidRequest(
            f"尺寸 {width}x{height} 超过上限 {max_pixels:,} 像素。请减小尺寸，或调高环境变量 DANQING_MAX_PIXELS。",
            f"The size {width}x{height} exceeds {max_pixels:,} pixels. Use a smaller size or raise DANQING_MAX_PIXELS.",
            field="size",
        )
    for clip in completed.clip_weights():
        get_installed_clip(clip.name, settings)
    seed = secrets.randbits(32) if completed.seed is None else completed.seed
    return completed.with_changes(seed=seed, model=spec.name)
