"""A small font made for tests: every glyph is a frame, so that no font has to be installed."""

# fontTools has incomplete type information.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

CHARACTERS = "孤舟蓑笠翁独钓寒江雪千山鸟飞绝万径人踪灭丙午乙巳正二三四五六七八九十冬腊闰月年春夏秋丹青白石齐山水之间周亚夫印墨清风"
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,.;!? "


def make_font(path: Path, characters: str = CHARACTERS + LATIN) -> Path:
    """Write a TrueType font with the given characters and return its path."""
    codes = dict.fromkeys(map(ord, characters))
    names = {code: f"u{code:05X}" for code in codes}
    glyphs = {".notdef": _frame(900, 900), **{name: _glyph(code) for code, name in names.items()}}
    widths = {name: (500 if code < 0x2E80 else 1000, 0) for code, name in names.items()}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({".notdef": (1000, 0), **widths})
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Made", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def _glyph(code: int) -> object:
    if code == 32:
        return TTGlyphPen(None).glyph()
    return _frame(400 if code < 0x2E80 else 860, 500 + code % 7 * 50)


def _frame(width: int, height: int) -> object:
    pen = TTGlyphPen(None)
    for inset in (0, 90):
        corners = [
            (40 + inset, inset),
            (40 + inset, height - inset),
            (width - inset, height - inset),
            (width - inset, inset),
        ]
        for number, corner in enumerate(corners if inset == 0 else corners[::-1]):
            (pen.moveTo if number == 0 else pen.lineTo)(corner)
        pen.closePath()
    return pen.glyph()
