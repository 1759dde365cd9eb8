"""From a request as given to a complete one: what a model fills in, and a seed."""

import secrets

from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.zoo.spec import ModelSpec


def complete(request: Request, spec: ModelSpec, *, max_pixels: int) -> Request:
    """The request that says everything: the model's own defaults where nothing was said, its name, and a seed.

    Args:
        request: complete or not.
        spec: of the model that will paint it.
        max_pixels: largest canvas, width times height.
    Returns:
        a request that paints the same picture wherever it is painted.
    Raises:
        InvalidRequest: the canvas is larger than that.
    """
    filled = request.filled(spec.defaults)
    width, height = filled.size
    if width * height > max_pixels:
        raise InvalidRequest(
            f"画幅 {width}x{height} 超过 {max_pixels:,} 像素。请画小一些，或用环境变量 DANQING_MAX_PIXELS 放宽。",
            f"The canvas {width}x{height} exceeds {max_pixels:,} pixels. Paint smaller or raise DANQING_MAX_PIXELS.",
            field="size",
        )
    seed = secrets.randbits(32) if filled.seed is None else filled.seed
    return filled.changed(seed=seed, model=spec.name)
