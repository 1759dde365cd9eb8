"""Fonts for inscriptions and seals: where they are found, which characters they have."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageFont

from danqing.errors import InvalidRequest
from danqing.finishing.font_catalog import FONTS, FontSource

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc", ".woff", ".woff2")
_SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
_INSTALL = "danqing fonts install"


@dataclass(frozen=True, slots=True)
class Font:
    """A font file. `index` selects a font of a collection (.ttc)."""

    name: str
    path: Path
    index: int = 0

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font at a size in pixels."""
        return _load(self.path, self.index, size)

    def has(self, character: str) -> bool:
        """Check if the font has a visible glyph for a character."""
        return ord(character) in _code_points(self.path, self.index)


def find_font(name: str | None, folder: Path) -> Font:
    """Find a font.

    Args:
        name: a name of `FONTS`, the path of a font file, or None for the first font of `FONTS` that is found.
        folder: folder of the fonts that `danqing fonts install` has installed.
    Raises:
        InvalidRequest: there is no such font, or the file is not a font.
    """
    if name is None or name == "auto":
        font = next(iter(available_fonts(folder)), None)
        if font is None:
            raise InvalidRequest(
                f"没有找到书法字体。请先运行：{_INSTALL}，或用字体文件的路径。",
                f"No calligraphic font was found. Run: {_INSTALL}, or give the path of a font file.",
                field="font",
            )
        return font
    if name in FONTS:
        return _find_named(FONTS[name], folder)
    path = Path(name).expanduser()
    if path.suffix.lower() not in _SUFFIXES and not path.exists():
        names = "、".join(FONTS), ", ".join(FONTS)
        raise InvalidRequest(
            f"没有名为 {name[:60]} 的字体。可用的名字：{names[0]}；或字体文件的路径。",
            f"There is no font {name[:60]!r}. Known names: {names[1]}; or give the path of a font file.",
            field="font",
        )
    return _check(Font(path.stem, path))


def available_fonts(folder: Path) -> Iterator[Font]:
    """Yield the fonts of `FONTS` that are installed, in that order."""
    for source in FONTS.values():
        font = _installed(source, folder)
        if font is not None:
            yield font


def fallback_for(character: str, font: Font, folder: Path) -> Font | None:
    """Return another installed font that has a character, None if there is none."""
    return next((other for other in available_fonts(folder) if other != font and other.has(character)), None)


def missing_characters(text: Iterable[str], font: Font) -> str:
    """Return the characters of a text that a font lacks, each once, in order."""
    return "".join(dict.fromkeys(char for char in text if not char.isspace() and not font.has(char)))


def _find_named(source: FontSource, folder: Path) -> Font:
    font = _installed(source, folder)
    if font is None:
        raise InvalidRequest(
            f"字体 {source.name}（{source.title_zh}）没有安装。请运行：{_INSTALL} {source.name}。",
            f"The font {source.name} ({source.title_en}) is not installed. Run: {_INSTALL} {source.name}.",
            field="font",
        )
    return font


def _installed(source: FontSource, folder: Path) -> Font | None:
    file = folder / f"{source.name}.ttf"
    if file.is_file():
        return Font(source.name, file)
    files = _system_files()
    path = next((files[name] for name in source.system_files if name in files), None)
    return None if path is None else Font(source.name, path, source.collection_index if path.suffix == ".ttc" else 0)


@cache
def _system_files() -> dict[str, Path]:
    """Return the font files of the system by name; reading the folders takes some milliseconds."""
    wanted = {name for source in FONTS.values() for name in source.system_files}
    found: dict[str, Path] = {}
    for root in _SYSTEM_FOLDERS:
        for folder, _, names in os.walk(Path(root).expanduser()):
            found.update({name: Path(folder) / name for name in names if name in wanted and name not in found})
    return found


def _check(font: Font) -> Font:
    try:
        font.at(16)
    except OSError as error:
        raise InvalidRequest(
            f"字体文件 {font.path} 不存在，或不是字体。请换一个文件。",
            f"The font file {font.path} does not exist or is not a font. Choose another file.",
            field="font",
        ) from error
    return font


@lru_cache(maxsize=64)
def _load(path: Path, index: int, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout gives the same result with and without libraqm.
    return ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)


@cache
def _code_points(path: Path, index: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont, TTLibError  # pyright: ignore[reportMissingTypeStubs]

    try:
        with TTFont(path, fontNumber=index, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (TTLibError, OSError, KeyError, AssertionError) as error:
        raise InvalidRequest(
            f"字体文件 {path} 已损坏。请换一个文件。",
            f"The font file {path} is damaged. Choose another file.",
            field="font",
        ) from error
