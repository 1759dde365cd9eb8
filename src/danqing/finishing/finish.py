"""Finish a painting: inscription and seal on the picture, then the mount."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import isqrt
from pathlib import Path

from PIL import Image

from danqing.errors import InvalidRequest
from danqing.finishing import ink, seal
from danqing.finishing.fan import fan_panel
from danqing.finishing.handscroll import handscroll
from danqing.finishing.layout import (
    Box,
    Inscription,
    TextBlock,
    column_lengths,
    horizontal_block,
    split_clauses,
    vertical_block,
)
from danqing.finishing.mount import mount_picture
from danqing.finishing.options import FinishOptions, Mount, Place, SealOrder, SealShape, SealStyle, Writing
from danqing.finishing.placement import CalmMap, Position, choose_position
from danqing.finishing.preparation import Prepared, prepare
from danqing.finishing.texture import seeded
from danqing.i18n import Text
from danqing.inputs.image_file import MAX_PIXELS, decode_image, display_name, read_image_bytes
from danqing.provenance.visible_label import draw_label
from danqing.settings import read_settings

SHORT_SIDE = 768
"""A smaller picture is enlarged by a whole factor until its short side has this many pixels: characters need them."""
FAN_HEIGHT = 480
"""As `SHORT_SIDE`, for the flat panel of a fan, which is three times as wide."""
MAX_ENLARGED = MAX_PIXELS
"""Largest area of an enlarged picture in pixels: a very long picture is enlarged by a smaller factor."""
MAX_HANDSCROLL = 150_000_000
"""Largest area of a handscroll in pixels. Its sheets are as high as the picture, and their widths grow with the height."""
MIN_SIZE = 11
"""Smallest character in pixels."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished picture.

    Attributes:
        image: RGB.
        notices: messages to the user, such as missing characters.
        label: a plain part of the mount for the label AI生成; None without a mount.
    """

    image: Image.Image
    notices: tuple[Text, ...] = ()
    label: Box | None = None

    def with_label(self) -> Image.Image:
        """Return a copy of the picture with the label AI生成 on its mount, or in a corner without a mount."""
        box = self.label
        area = None if box is None else (box.left, box.top, box.left + box.width, box.top + box.height)
        return draw_label(self.image, area)


def finish(
    picture: Image.Image | Path | str,
    *,
    inscription: str | None = None,
    signature: str | None = None,
    inscription_place: Place = "auto",
    writing: Writing = "auto",
    font: str = "auto",
    seal: str | None = None,
    seal_style: SealStyle = "朱文",
    seal_shape: SealShape = "auto",
    seal_order: SealOrder = "直读",
    mount: Mount | None = None,
    label: bool = False,
) -> Image.Image:
    """Add an inscription, a seal and a mount to a picture. The same arguments give the same pixels.

    Args:
        picture: a picture, or its file (PNG, JPEG or WebP).
        inscription: the text; columns are written without its punctuation.
        signature: written smaller after the text; the word 年款 in it becomes the Chinese date of today.
        inscription_place: a corner of the picture; auto where the picture is calm.
        writing: 竖排, columns from right to left; 横排, lines from left to right; auto: lines for Latin letters.
        font: a name from `danqing fonts list`, or the path of a font file.
        seal: one to four characters, or a picture of a seal on a light ground.
        seal_style: 朱文, red characters, or 白文, white ones on red.
        seal_shape: auto selects it by the number of characters.
        seal_order: of four characters: 直读, columns from right to left, or 回文, counter-clockwise.
        mount: 立轴, hanging scroll; 横披, horizontal hanging; 斗方, in a frame; 册页, album leaf; 扇面, fan; 长卷, handscroll.
        label: write the label AI生成 on the mount, or in the lower right corner without a mount.
    Returns:
        the finished picture, RGB; a small `picture` is enlarged, see `SHORT_SIDE`.
    Warns:
        UserWarning: the font lacks characters.
    Raises:
        InvalidRequest: an argument cannot be used, for example because the inscription does not fit.
    """
    options = FinishOptions(
        inscription, signature, inscription_place, writing, font, seal, seal_style, seal_shape, seal_order, mount
    )
    settings = read_settings()
    if not isinstance(picture, Image.Image):
        data = read_image_bytes(str(picture), offline=settings.offline)
        picture = decode_image(data, display_name(str(picture))).image
    finished = finish_image(picture.convert("RGB"), options, settings.fonts)
    for notice in finished.notices:
        warnings.warn(notice.in_language(settings.language), stacklevel=2)
    return finished.with_label() if label else finished.image


def finish_image(image: Image.Image, options: FinishOptions, font_folder: Path) -> Finished:
    """Finish an RGB picture with the date of today; see `finish`."""
    return finish_prepared(image, prepare(options, font_folder, day=date.today()))


def finish_prepared(image: Image.Image, prepared: Prepared) -> Finished:
    """Finish a picture. The same arguments give the same pixels.

    Args:
        image: RGB.
        prepared: what to add.
    Raises:
        InvalidRequest: the inscription does not fit into the picture, or the picture is too high for a handscroll.
    """
    _check_mount(image.size, prepared)
    kind = prepared.options.mount
    if prepared.options.is_empty:
        return Finished(image, prepared.notices)
    image, written = _ground(image, prepared), _on_picture(prepared)
    if written.text or written.signature or written.design is not None:
        image = _write_and_stamp(image, written)
    if kind is None:
        return Finished(image, prepared.notices)
    rng = seeded(kind, image.size)
    mounted = handscroll(image, prepared, rng) if kind == "长卷" else mount_picture(image, kind, rng)
    return Finished(mounted.image, prepared.notices, mounted.label)


def check_fit(size: tuple[int, int], prepared: Prepared) -> None:
    """Check before a picture is painted that the inscription will fit, and that it can be mounted.

    Args:
        size: width and height of the picture.
        prepared: what will be added.
    Raises:
        InvalidRequest: it does not fit, or the picture is too high for a handscroll.
    """
    _check_mount(size, prepared)
    written = _on_picture(prepared)
    if written.text or written.signature:
        _find_position(_ground(Image.new("RGB", size), prepared), written)


def _ground(image: Image.Image, prepared: Prepared) -> Image.Image:
    """Return the picture large enough to be written on; for a fan its flat panel."""
    if prepared.options.mount == "扇面":
        return enlarge(fan_panel(image), FAN_HEIGHT)
    return enlarge(image, SHORT_SIDE)


def _on_picture(prepared: Prepared) -> Prepared:
    """Return what is written on the picture itself: of a handscroll only the signature, because the text is its colophon."""
    return replace(prepared, text="") if prepared.options.mount == "长卷" else prepared


def enlarge(image: Image.Image, side: int = SHORT_SIDE) -> Image.Image:
    """Return a picture enlarged by the smallest whole factor that makes its short side at least `side` pixels.

    The factor is smaller if the area would exceed `MAX_ENLARGED`.
    """
    factor = _enlargement(image.size, side)
    if factor == 1:
        return image
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.LANCZOS)


def _enlargement(size: tuple[int, int], side: int) -> int:
    largest = isqrt(MAX_ENLARGED // (size[0] * size[1]))
    return max(1, min(-(-side // min(size)), largest))


def _check_mount(size: tuple[int, int], prepared: Prepared) -> None:
    """Raise if a picture of this size is too high to be mounted as a handscroll."""
    if prepared.options.mount != "长卷":
        return
    factor = _enlargement(size, SHORT_SIDE)
    width, height = size[0] * factor, size[1] * factor
    if (width + 4 * height) * 1.5 * height > MAX_HANDSCROLL:
        raise InvalidRequest(
            f"{size[0]}x{size[1]} 的画太高，不能装裱成长卷。请换一种装裱，例如立轴。",
            f"A picture of {size[0]}x{size[1]} is too high for a handscroll. Choose another mount, for example hanging-scroll.",
            field="mount",
        )


def _write_and_stamp(image: Image.Image, prepared: Prepared) -> Image.Image:
    position = _find_position(image, prepared)
    rng = seeded(image.size, prepared.text, prepared.signature, prepared.options.seal)
    block = position.block
    image = ink.write(image, ink.Characters(block.cells, position.left, position.top, prepared.fonts), rng)
    if block.seal is None or prepared.design is None:
        return image
    box = Box(position.left + block.seal.left, position.top + block.seal.top, block.seal.width, block.seal.height)
    return seal.stamp(image, prepared.design, box, font=prepared.seal_font, rng=rng)


def _find_position(image: Image.Image, prepared: Prepared) -> Position:
    """Return where and how the inscription is written; characters become smaller until it fits."""
    calm, place = CalmMap(image), prepared.options.inscription_place
    size = _nominal_size(image, len(prepared.text) + len(prepared.signature))
    if not prepared.text and not prepared.signature and place == "auto":
        place = _lower_corner(calm, prepared, size)
    while size >= MIN_SIZE:
        sizes = [size * factor for factor in (1.0, 0.86, 0.74)]
        blocks = [block for one in sizes for block in _blocks(image, prepared, one)]
        position = choose_position(calm, blocks, place)
        if position is not None:
            return position
        size *= 0.74
    raise InvalidRequest(
        f"题款太长，{image.width}x{image.height} 的画写不下。请缩短，或换更大的画幅。",
        f"The inscription is too long for a picture of {image.width}x{image.height}. Shorten it, or use a larger picture.",
        field="inscription",
    )


def _lower_corner(calm: CalmMap, prepared: Prepared, size: float) -> Place:
    """Return the lower corner for a seal without an inscription."""
    block = _vertical(prepared, Inscription(()), length=1, size=size)
    left, right = (choose_position(calm, [block], place) for place in ("左下", "右下"))
    return "右下" if left is None or right is None or right.cost < left.cost else "左下"


def _nominal_size(image: Image.Image, length: int) -> float:
    """Return the size of a character that suits the picture: smaller for a longer text."""
    side = (image.width * image.height) ** 0.5
    return side / (15 if length <= 8 else 18 if length <= 24 else 21)


def _blocks(image: Image.Image, prepared: Prepared, size: float) -> Iterator[TextBlock]:
    if prepared.horizontal:
        text, signature = (
            "".join(char for char in part if char in prepared.fonts or char.isspace())
            for part in (prepared.text, prepared.signature)
        )
        for share in (0.3, 0.42, 0.55, 0.7, 0.85):
            yield horizontal_block(
                text,
                signature,
                width=image.width * share,
                size=size,
                seal=_aspect(prepared),
                advance=prepared.advance,
            )
        return
    inscription = Inscription(split_clauses(prepared.text), "".join(split_clauses(prepared.signature)))
    for length in column_lengths(inscription) or (1,):
        yield _vertical(prepared, inscription, length=length, size=size)


def _vertical(prepared: Prepared, inscription: Inscription, *, length: int, size: float) -> TextBlock:
    return vertical_block(inscription, length=length, size=size, seal=_aspect(prepared), advance=prepared.advance)


def _aspect(prepared: Prepared) -> float | None:
    return None if prepared.design is None else seal.seal_aspect(prepared.design)
