"""Requests that change a picture: checks of their fields, their defaults, and the size of their canvas."""

from collections.abc import Mapping

from danqing.errors import InvalidRequest
from danqing.prompt import check_weight_sums
from danqing.request.extension import Margins, parse_extension
from danqing.request.field_types import SIZE_MULTIPLE
from danqing.request.labels import field_label
from danqing.request.references import parse_reference
from danqing.request.request_fields import RequestFields
from danqing.schedule import Schedule

EDITING = ("mask", "extend", "strength")
"""Fields that change the initial image instead of only starting from it."""


def edits_picture(request: RequestFields) -> bool:
    """Return whether a request changes its initial image instead of only starting from it."""
    return any(getattr(request, name) is not None for name in EDITING)


def check_editing(request: RequestFields) -> None:
    """Check the fields of editing together.

    Raises:
        InvalidRequest: the initial image is missing, or two fields exclude each other.
    """
    name = next((name for name in EDITING if getattr(request, name) is not None), None)
    label = field_label(name or "")
    if name and request.init_image is None:
        raise InvalidRequest(
            f"{label.zh}需要底图。请同时给出底图。",
            f"The {label.en} needs an initial image. Give one as well.",
            field=name,
        )
    if name and request.perlin_init:
        raise InvalidRequest(
            f"{label.zh}不能与柏林噪声同时使用。请去掉其中一个。",
            f"The {label.en} cannot be combined with Perlin noise. Remove one of them.",
            field=name,
        )
    if request.strength is not None and request.skip_steps:
        raise InvalidRequest(
            "改动底图的程度和跳过的步数只能给出一个。",
            "Give either the strength or the number of skipped steps, not both.",
            field="strength",
        )
    if request.strength == 0 and (request.mask is not None or request.extend is not None):
        raise InvalidRequest(
            "改动底图的程度为 0 时什么也不画，不能给出遮罩或扩展。请去掉它，或调高程度。",
            "With the strength 0 nothing is painted, so that it excludes a mask and an extension. Raise it, or remove them.",
            field="strength",
        )
    if request.mask_invert and request.mask is None:
        raise InvalidRequest(
            "没有遮罩可以反转。请给出遮罩。", "There is no mask to invert. Give a mask.", field="mask_invert"
        )


def check_reference_weights(request: RequestFields, prompts: list[Schedule]) -> None:
    """Check that the weights of prompts and reference pictures do not add up to zero.

    Raises:
        InvalidRequest: they add up to about zero at some step.
    """
    if request.like:
        check_weight_sums([*prompts, *(parse_reference(text).weight for text in request.like)])


def editing_defaults(request: RequestFields) -> Mapping[str, object]:
    """Return defaults that take precedence over those of the model."""
    if not edits_picture(request):
        return {}
    if request.strength == 0:  # nothing is painted: there is no process to show, and no need for another size
        return {"init_scale": 0, "upscale": 1, "save": ("previews",)}
    return {"init_scale": 0}


def canvas_of(picture: tuple[int, int], request: RequestFields) -> tuple[int, int]:
    """Return the width and height of the canvas on which a picture is changed.

    Args:
        picture: width and height of the initial image.
        request: with mask, extension or strength.
    Raises:
        InvalidRequest: the extended canvas has sides that are not multiples of 64, or `size` contradicts the extension.
    """
    if request.extend is None:
        return _nearest(picture[0]), _nearest(picture[1])
    size = parse_extension(request.extend).margins_of(picture).grown(picture)
    if any(side % SIZE_MULTIPLE for side in size):
        width, height = (-(-side // SIZE_MULTIPLE) * SIZE_MULTIPLE for side in size)
        raise InvalidRequest(
            f"扩展后的画布是 {size[0]}x{size[1]}，但两边都必须是 {SIZE_MULTIPLE} 的倍数。可以改为扩展到 {width}x{height}。",
            f"The extended canvas would be {size[0]}x{size[1]}, but both sides must be multiples of {SIZE_MULTIPLE}. "
            f"Extend to {width}x{height} instead.",
            field="extend",
        )
    enlarged = size[0] * request.upscale, size[1] * request.upscale
    if "size" in request.model_fields_set and request.size not in (size, enlarged):
        raise InvalidRequest(
            f"扩展后的画布是 {size[0]}x{size[1]}，与画幅 {request.size[0]}x{request.size[1]} 不同。请去掉画幅。",
            f"The extended canvas is {size[0]}x{size[1]}, which is not the size {request.size[0]}x{request.size[1]}. "
            "Omit the size.",
            field="size",
        )
    return size


def extension_margins(request: RequestFields, picture: tuple[int, int]) -> Margins:
    """Return the margins that a request adds to a picture of this width and height; zeros without an extension."""
    return Margins() if request.extend is None else parse_extension(request.extend).margins_of(picture)


def _nearest(side: int) -> int:
    return max(SIZE_MULTIPLE, round(side / SIZE_MULTIPLE) * SIZE_MULTIPLE)
