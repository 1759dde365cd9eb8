"""The initial image and the mask of a request, placed on its canvas."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from danqing.diffusion.inpainting import fill_unknown
from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.inputs.image_file import UserImage, decode_image, display_name, read_image_bytes
from danqing.request import Request
from danqing.request.editing import edits_picture, extension_margins
from danqing.request.extension import Margins

Size = tuple[int, int]
"""Width and height in pixels."""

_WHITE_LEVEL = 128
"""Gray values of a mask from this on are repainted."""
_ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True, eq=False, slots=True)
class InitCanvas:
    """Contents of the canvas before the first step."""

    pixels: Tensor
    """The initial image, [1, 3, H, W] float32 in [-1, 1]; an extended part repeats the pixels at its edge."""
    mask: Tensor | None
    """[1, 1, H, W] in [0, 1], 1 is repainted and 0 is kept; None if everything is painted."""
    notices: tuple[Text, ...]
    """Changes that the user should know about, for example a removed transparency."""
    full: "FullSize | None" = None
    """The initial image before it was reduced to the canvas, if only a part of it is repainted and then enlarged."""


@dataclass(frozen=True, eq=False, slots=True)
class FullSize:
    """An initial image in the size of the result, of which a part is repainted on a smaller canvas."""

    image: Image.Image
    mask: Image.Image
    """In the size of `image`, 255 is repainted and 0 is kept."""

    def paste(self, enlarged: Image.Image) -> Image.Image:
        """Return the initial image with the repainted part of an enlarged picture; kept pixels are not changed.

        The repainted part is shifted by the difference between the initial image and the enlarged one around it.
        """
        original, known = _reduced(self.image), (_reduced(self.mask) == 0).float()
        shift = fill_unknown(original - _reduced(enlarged), known)
        shift = F.interpolate(shift, size=(enlarged.height, enlarged.width), mode="bilinear")
        shifted = (_to_tensor(enlarged) + shift).clamp(0, 255).round().byte()[0].permute(1, 2, 0)
        return Image.composite(Image.fromarray(shifted.numpy()), self.image, self.mask)


def load_canvas(request: Request, *, offline: bool = False) -> InitCanvas | None:
    """Load the initial image and the mask of a request and place them on its canvas.

    Args:
        request: complete.
        offline: do not read http(s) URLs.
    Returns:
        the canvas; None without an initial image.
    Raises:
        InvalidRequest: a picture cannot be read, is too large or no PNG, JPEG or WebP; the mask has another shape than the
            initial image, or keeps or repaints everything.
    """
    if request.init_image is None:
        return None
    loaded = _load(request.init_image, "init_image", offline=offline)
    picture, notices = loaded.image, [*loaded.notices]
    mask = None
    if request.mask is not None:
        mask, notice = _mask_for(picture.size, request.mask, offline=offline)
        notices += [notice] if notice else []
        mask = ImageOps.invert(mask) if request.mask_invert else mask
    margins = extension_margins(request, picture.size)
    reduced = _is_reduced(request, margins.grown(picture.size), masked=mask is not None)
    canvas = request.size if reduced else request.canvas
    if request.extend is None and picture.size != canvas:
        if edits_picture(request) and picture.size != request.size:
            notices.append(_fitted(picture.size, canvas))
        picture = _fit(picture, canvas, request.init_fit)
        mask = None if mask is None else _fit(mask, canvas, request.init_fit)
    pixels = _to_tensor(picture) / 127.5 - 1  # [1, 3, H, W]
    pixels = F.pad(pixels, (margins.left, margins.right, margins.top, margins.bottom), mode="replicate")
    if mask is None and request.extend is None:
        return InitCanvas(pixels, None, tuple(notices))
    repainted = _repainted(mask, picture.size, margins, request.feather)
    soft = _with_transition(repainted, request.feather)
    if request.feather and bool((soft[repainted > 0] < 1).all()):
        notices.append(
            Text(
                f"重画的部分比过渡（{request.feather} 像素）窄，只会改动一部分。可以减小过渡的宽度。",
                f"The repainted part is narrower than the transition of {request.feather} pixels and changes only partially. "
                "A smaller feather helps.",
            )
        )
    if not reduced:
        return InitCanvas(pixels, soft, tuple(notices))
    factor = request.upscale
    full = FullSize(_to_image(pixels), _to_mask(_with_transition(repainted, max(request.feather, factor))))
    small = F.avg_pool2d(pixels, factor), F.max_pool2d(soft, factor)
    return InitCanvas(*small, tuple(notices), full)


def _is_reduced(request: Request, size: Size, *, masked: bool) -> bool:
    """Return whether a part is repainted on a canvas smaller than the initial image, and enlarged to its size.

    Otherwise the initial image has the size of the canvas, and all of the result is enlarged.

    Args:
        request: complete.
        size: width and height of the initial image with its extension.
        masked: whether there is a mask.
    """
    if request.upscale == 1 or not (masked or request.extend is not None):
        return False
    return size[0] ** 2 > request.canvas[0] * request.size[0]  # nearer to the result than to the canvas


def load_square(source: str, side: int, *, offline: bool = False) -> Tensor:
    """Load the middle square of a picture at a side in pixels, [1, 3, side, side] in [0, 1].

    Raises:
        InvalidRequest: the picture cannot be read, is too large, or is not PNG, JPEG or WebP.
    """
    image = ImageOps.fit(_load(source, "like", offline=offline).image, (side, side), Image.Resampling.BICUBIC)
    return _to_tensor(image) / 255


def _load(source: str, field: str, *, offline: bool) -> UserImage:
    try:
        return decode_image(read_image_bytes(source, offline=offline), display_name(source))
    except InvalidRequest as error:
        raise InvalidRequest(error.zh, error.en, field=field) from error


def _mask_for(size: Size, source: str, *, offline: bool) -> tuple[Image.Image, Text | None]:
    """Return a mask in the size of the initial image, 255 is repainted and 0 is kept, and a notice if it was resized."""
    loaded = _load(source, "mask", offline=offline)
    mask = ImageOps.invert(loaded.alpha) if loaded.alpha is not None else loaded.image.convert("L")
    notice = None
    if mask.size != size:
        given, wanted = ("x".join(map(str, pair)) for pair in (mask.size, size))
        if abs(mask.width * size[1] / (mask.height * size[0]) - 1) > _ASPECT_TOLERANCE:
            raise _mask_error(
                f"遮罩 {given} 与底图 {wanted} 的形状不同。请给出与底图同样大小的遮罩。",
                f"The mask of {given} has another shape than the initial image of {wanted}. Give a mask of the same size.",
            )
        mask = mask.resize(size, Image.Resampling.BILINEAR)
        notice = Text(
            f"遮罩已从 {given} 缩放到底图的 {wanted}。",
            f"The mask was resized from {given} to the {wanted} of the initial image.",
        )
    return mask.point([255 * (value >= _WHITE_LEVEL) for value in range(256)]), notice


def _repainted(mask: Image.Image | None, size: Size, margins: Margins, feather: int) -> Tensor:
    """Return the repainted part of the canvas: that of the mask and what the extension adds.

    Args:
        mask: in the size of the initial image; None if only the extension is painted.
        size: width and height of the initial image.
        margins: of the extension.
        feather: width of the transition, which an extension has inside the initial image.
    Returns:
        [1, 1, H, W], 0 or 1.
    """
    kept = torch.ones(1, 1, size[1], size[0]) if mask is None else (_to_tensor(mask) < _WHITE_LEVEL).float()
    inset = [min(feather, limit) if margin else 0 for margin, limit in zip(margins, size * 2, strict=True)]
    left, top, right, bottom = inset
    kept = kept.clone()
    for strip in (
        kept[..., :left],
        kept[..., size[0] - right :],
        kept[..., :top, :],
        kept[..., size[1] - bottom :, :],
    ):
        strip.zero_()
    repainted = 1 - F.pad(kept, (margins.left, margins.right, margins.top, margins.bottom))
    if not bool(repainted.any()):
        raise _mask_error(
            "遮罩中没有要重画的部分：白色（或透明）处重画，黑色处保留。请修改遮罩，或反转它。",
            "The mask repaints nothing: white or transparent parts are repainted, black ones are kept. "
            "Change the mask, or invert it.",
        )
    if bool(repainted.all()):
        raise _mask_error(
            "遮罩覆盖了整幅底图，没有保留的部分。请修改遮罩；要改动整幅画，请去掉遮罩，给出改动的程度。",
            "The mask repaints the whole initial image. Change the mask; to change all of it, omit the mask and give a strength.",
        )
    return repainted


def _with_transition(repainted: Tensor, feather: int) -> Tensor:
    """Return a mask that rises from 0 outside of the repainted part to 1, `feather` pixels inside of its edge."""
    depth, inside = torch.zeros_like(repainted), repainted
    for _ in range(feather + 1):
        depth += inside
        inside = -F.max_pool2d(-inside, 3, stride=1, padding=1)  # the border of the canvas is no edge
    return depth / (feather + 1)


def _fit(image: Image.Image, size: Size, fit: str) -> Image.Image:
    if fit == "stretch":
        return image.resize(size, Image.Resampling.BICUBIC)
    return ImageOps.fit(image, size)


def _to_tensor(image: Image.Image) -> Tensor:
    """Return [1, C, H, W] float32 in 0..255."""
    pixels = torch.from_numpy(np.array(image))  # pyright: ignore[reportUnknownMemberType]
    return pixels.view(image.height, image.width, -1).permute(2, 0, 1)[None].float()


def _reduced(image: Image.Image) -> Tensor:
    """Return the means of blocks of 4x4 pixels, [1, C, H/4, W/4] in 0..255: for differences in tone, at 1/16 of the cost."""
    return _to_tensor(image.reduce(4))


def _to_image(pixels: Tensor) -> Image.Image:
    """Return [1, 3, H, W] in [-1, 1] as a picture; 8-bit values that `load_canvas` read are restored exactly."""
    rows = ((pixels[0] + 1) * 127.5).round().byte().permute(1, 2, 0)
    return Image.fromarray(rows.numpy())


def _to_mask(soft: Tensor) -> Image.Image:
    """Return [1, 1, H, W] in [0, 1] as gray values."""
    return Image.fromarray((soft[0, 0] * 255).round().byte().numpy())


def _fitted(picture: Size, canvas: Size) -> Text:
    given, size = ("x".join(map(str, pair)) for pair in (picture, canvas))
    return Text(
        f"底图 {given} 已裁切或缩放到画幅 {size}。", f"The initial image of {given} was fitted to the canvas of {size}."
    )


def _mask_error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh, en, field="mask")
