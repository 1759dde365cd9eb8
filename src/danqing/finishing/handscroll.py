"""The handscroll (长卷): title sheet, picture and colophon sheet between silk, read from right to left."""

import numpy as np
from PIL import Image

from danqing.finishing import ink, seal, silk
from danqing.finishing.layout import Box, Cell, Inscription, TextBlock, split_clauses, vertical_block
from danqing.finishing.mount import Mounted, bordered
from danqing.finishing.preparation import Prepared
from danqing.finishing.texture import seeded

TITLE_LENGTH = 6
"""Longest title. Without a title of its own the scroll has its first clause, if that is no longer."""


def handscroll(image: Image.Image, prepared: Prepared, rng: np.random.Generator) -> Mounted:
    """Mount as a handscroll with a title (引首) and the inscription as a colophon (跋尾).

    Args:
        image: RGB, already signed.
        prepared: texts, fonts and seal.
        rng: source of the texture of silk and paper.
    """
    height = image.height
    inner = bordered(image, rng, line=max(1, round(height * 0.004)))
    sheets = [_silk(inner.height, height * 0.3, silk.TEA, rng)]  # from right to left
    title = scroll_title(prepared)
    if title:
        sheets += [_title_sheet(title, prepared, inner.height, rng), _silk(inner.height, height * 0.1, silk.CREAM, rng)]
    sheets += [inner, _silk(inner.height, height * 0.1, silk.CREAM, rng), _colophon_sheet(prepared, inner.height, rng)]
    edge = round(height * 0.055)
    width = sum(sheet.width for sheet in sheets)
    body = silk.silk((width, inner.height + 2 * edge), silk.MIST, max(24.0, height * 0.07), rng)
    x = width
    for sheet in sheets:
        x -= sheet.width
        body.paste(sheet, (x, edge))
    roller = silk.wood((round(height * 0.07), body.height), silk.ROSEWOOD, rng)
    stave = silk.wood((round(height * 0.025), body.height), silk.ROSEWOOD, rng)
    margin = round(height * 0.18)
    canvas = silk.wall((width + roller.width + stave.width + 2 * margin, body.height + 2 * margin), rng)
    left = margin + roller.width
    silk.hang(
        canvas, [(body, (left, margin)), (roller, (margin, margin)), (stave, (left + width, margin))], height * 0.045
    )
    label = Box(left + width - height * 0.29, margin + edge + inner.height - height * 0.13, height * 0.27, height * 0.1)
    return Mounted(canvas, label)


def scroll_title(prepared: Prepared) -> str:
    """Return the title of the scroll: the first clause of the inscription if it is short."""
    clauses = split_clauses(prepared.text)
    return clauses[0] if clauses and len(clauses[0]) <= TITLE_LENGTH else ""


def _silk(height: int, width: float, color: silk.Color, rng: np.random.Generator) -> Image.Image:
    return silk.silk((max(2, round(width)), height), color, max(24.0, height * 0.07), rng)


def _title_sheet(title: str, prepared: Prepared, height: int, rng: np.random.Generator) -> Image.Image:
    """Return paper with the title in one line from right to left."""
    size = height * 0.34
    pitch = size * 1.12
    sheet = silk.paper((round(pitch * len(title) + size * 0.9), height), silk.PAPER, rng)
    right = sheet.width - size * 0.45
    cells = [Cell(char, right - (number + 0.5) * pitch, height / 2, size) for number, char in enumerate(title)]
    return ink.write(sheet, ink.Characters(cells, 0, 0, prepared.fonts), seeded("title", title))


def _colophon_sheet(prepared: Prepared, height: int, rng: np.random.Generator) -> Image.Image:
    """Return paper with the inscription in columns; blank paper without an inscription."""
    inscription = Inscription(split_clauses(prepared.text), "".join(split_clauses(prepared.signature)))
    block = _colophon(inscription, prepared, height)
    blank = silk.paper((round(max(height * 0.75, block.width + height * 0.4)), height), silk.PAPER, rng)
    if not inscription.clauses:
        return blank
    left, top = blank.width - block.width - height * 0.16, height * 0.1
    texture = seeded("colophon", prepared.text)
    sheet = ink.write(blank, ink.Characters(block.cells, left, top, prepared.fonts), texture)
    if block.seal is None or prepared.design is None:
        return sheet
    box = Box(left + block.seal.left, top + block.seal.top, block.seal.width, block.seal.height)
    return seal.stamp(sheet, prepared.design, box, font=prepared.seal_font, rng=texture)


def _colophon(inscription: Inscription, prepared: Prepared, height: int) -> TextBlock:
    """Lay the colophon out in columns that fit the height, with smaller characters for a long text."""
    aspect = None if prepared.design is None else seal.seal_aspect(prepared.design)
    size = height / 10
    while True:
        length = max(1, int(height * 0.78 / (size * 1.08)))
        longest = max(map(len, inscription.clauses), default=1)
        whole = longest * max(1, length // longest) if longest <= length else length
        block = vertical_block(inscription, length=whole, size=size, seal=aspect, advance=prepared.advance)
        if block.height <= height * 0.84 or size < height / 40:
            return block
        size *= 0.88
