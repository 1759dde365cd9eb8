"""Check what a picture is finished with, before it is painted: texts, fonts for every character, seal."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image

from danqing.errors import InvalidRequest
from danqing.finishing.fonts import Font, available_fonts, fallback_for, find_font
from danqing.finishing.layout import is_latin, is_mark
from danqing.finishing.options import MAX_CHARACTERS, FinishOptions, is_picture
from danqing.finishing.seal import SealDesign
from danqing.finishing.sexagenary import fill_date
from danqing.i18n import Text
from danqing.inputs.image_file import decode_image, display_name, read_image_bytes
from danqing.settings import read_settings

MAX_TEXT = 400
"""Largest number of characters of an inscription with its signature."""
_SEAL_FONTS = ("lxgw-wenkai", "ma-shan-zheng", "noto-sans-sc", "noto-serif-sc")
"""Fonts whose strokes look cut, the best first."""
_LINE_BREAKS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Prepared:
    """Texts, fonts and seal of `FinishOptions` after they have been checked."""

    options: FinishOptions
    text: str
    signature: str
    fonts: Mapping[str, Font]
    """Font of each character of the texts."""
    design: SealDesign | Image.Image | None
    seal_font: Font | None
    notices: tuple[Text, ...] = ()

    @property
    def horizontal(self) -> bool:
        """True if the inscription is written in lines from left to right."""
        if self.options.writing != "auto":
            return self.options.writing == "横排"
        return is_latin(self.text or self.signature)

    def advance(self, character: str) -> float:
        """Return the width of a character relative to its size."""
        font = self.fonts.get(character)
        return 0.3 if font is None else font.at(100).getlength(character) / 100


def prepare(options: FinishOptions, font_folder: Path, *, day: date) -> Prepared:
    """Check the options and find the fonts.

    Args:
        options: what to add.
        font_folder: folder of the fonts that `danqing fonts install` has installed.
        day: replaces the word 年款.
    Raises:
        InvalidRequest: an option cannot be used.
    """
    text, signature = (_clean(fill_date(part or "", day)) for part in (options.inscription, options.signature))
    if len(text) + len(signature) > MAX_TEXT:
        raise InvalidRequest(
            f"题款有 {len(text) + len(signature)} 个字，最多 {MAX_TEXT} 个。请缩短。",
            f"The inscription has {len(text) + len(signature)} characters; shorten it to at most {MAX_TEXT}.",
            field="inscription",
        )
    fonts: dict[str, Font] = {}
    notices: tuple[Text, ...] = ()
    if options.inscription or options.signature:
        fonts, notices = _assign_fonts(text + signature, find_font(options.font, font_folder), font_folder)
        text, signature = (
            "".join(char for char in part if char in fonts or char.isspace() or is_mark(char))
            for part in (text, signature)
        )
    design = read_seal(options) if options.seal else None
    seal_font = _seal_font(design.text, options.font, font_folder) if isinstance(design, SealDesign) else None
    return Prepared(options, text, signature, fonts, design, seal_font, notices)


def read_seal(options: FinishOptions) -> SealDesign | Image.Image:
    """Return the design of the seal, or its picture.

    Raises:
        InvalidRequest: it is neither one to four characters nor a picture that can be read.
    """
    source = (options.seal or "").strip()
    if is_picture(source):
        data = read_image_bytes(source, offline=read_settings().offline)
        return decode_image(data, display_name(source)).image
    text = "".join(char for char in source if not is_mark(char))
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise InvalidRequest(
            f"印章“{source[:20]}”应为 1 到 {MAX_CHARACTERS} 个字，或一张印章图片的路径。",
            f"The seal {source[:20]!r} must have 1 to {MAX_CHARACTERS} characters, or be the path of a picture.",
            field="seal",
        )
    return SealDesign(text, options.seal_style, options.seal_shape, options.seal_order)


def _clean(text: str) -> str:
    """Return the lines of a text without empty ones and without what is not a Unicode character."""
    lines = _LINE_BREAKS.split(unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode()))
    return "\n".join(line.strip() for line in lines if line.strip())


def _assign_fonts(text: str, font: Font, folder: Path) -> tuple[dict[str, Font], tuple[Text, ...]]:
    """Return the font of each character that can be written, and notices about the others.

    Raises:
        InvalidRequest: no character can be written.
    """
    fonts: dict[str, Font] = {}
    lost, replaced = "", ""
    for char in dict.fromkeys(text):
        if char.isspace() or (is_mark(char) and not font.has(char)):
            continue
        other = font if font.has(char) else fallback_for(char, font, folder)
        if other is None:
            lost += char
        else:
            fonts[char] = other
            replaced += char if other != font else ""
    if not any(char in fonts and not is_mark(char) for char in text):
        raise InvalidRequest(
            "题款中没有可以书写的字。请换一句，或换一种字体。",
            "The inscription has no characters that can be written. Change the text or the font.",
            field="inscription",
        )
    notices: list[Text] = []
    if replaced:
        notices.append(
            Text(
                f"字体 {font.name} 没有“{replaced}”，改用其他字体书写。",
                f"The font {font.name} lacks {replaced!r}; another font is used for it.",
            )
        )
    if lost:
        notices.append(
            Text(
                f"已安装的字体没有“{lost}”，没有写入题款。请用含有这些字的字体文件。",
                f"No installed font has {lost!r}; it is left out. Give the path of a font file that has it.",
            )
        )
    return fonts, tuple(notices)


def _seal_font(text: str, name: str, folder: Path) -> Font:
    """Return a font that has all characters of a seal, with strokes that look cut.

    Raises:
        InvalidRequest: no installed font has them.
    """
    installed = {font.name: font for font in available_fonts(folder)}
    ordered = [installed[name] for name in _SEAL_FONTS if name in installed]
    for font in [*ordered, *installed.values()] or [find_font(name, folder)]:
        if all(font.has(char) for char in text):
            return font
    raise InvalidRequest(
        f"没有字体包含印章“{text}”的全部字。请换几个字，或运行：danqing fonts install lxgw-wenkai。",
        f"No installed font has all characters of the seal {text!r}. Change it, or run: danqing fonts install lxgw-wenkai.",
        field="seal",
    )
