"""From a request as given to a complete one: what a model fills in, and a seed."""

import secrets

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import find_clip
from danqing.zoo.spec import ModelSpec


def complete(request: Request, spec: ModelSpec, settings: Settings) -> Request:
    """The request that says everything: the model's own defaults where nothing was said, its name, and a seed.

    Args:
        request: complete or not.
        spec: of the model that will paint it.
        settings: say how large a canvas may be, and where CLIPs that the request names lie.
    Returns:
        a request that paints the same picture wherever it is painted.
    Raises:
        InvalidRequest: the canvas is too large.
        ModelNotFound: a CLIP that is named is not on this machine.
    """
    filled = request.filled(spec.fills(request))
    width, height = filled.size
    max_pixels = settings.max_pixels
    if width * height > max_pixels:
        raise InvalidRequest(
            f"画幅 {width}x{height} 超过 {max_pixels:,} 像素。请画小一些，或用环境变量 DANQING_MAX_PIXELS 放宽。",
            f"The canvas {width}x{height} exceeds {max_pixels:,} pixels. Paint smaller or raise DANQING_MAX_PIXELS.",
            field="size",
        )
    for look in filled.looks():
        find_clip(look.name, settings)
    seed = secrets.randbits(32) if filled.seed is None else filled.seed
    return filled.changed(seed=seed, model=spec.name)
