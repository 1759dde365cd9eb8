"""Layout of an inscription: columns from right to left, or lines from left to right; signature; seal. Pure geometry."""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

COLUMN_GAP = 0.34
"""Space between two columns, in characters."""
ROW_GAP = 0.08
"""Space between two characters of a column, in characters."""
SIGNATURE_SCALE = 0.68
"""Size of the signature relative to the text."""
SIGNATURE_GAP = 0.7
"""Space between the text and a signature in the same column, in characters."""
SEAL_SCALE = 1.3
"""Width of the seal relative to a character of the text."""
SEAL_GAP = 0.4
"""Space between the signature and the seal, in characters."""

Advance = Callable[[str], float]
"""Width of a character relative to its size."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One character: its centre in pixels from the block's left upper corner, and its size.

    `turned` lies on its side in a column. `in_line` stands on the base line of a horizontal line around `y`.
    """

    character: str
    x: float
    y: float
    size: float
    turned: bool = False
    in_line: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class TextBlock:
    """An inscription that has been laid out.

    `size` is that of a character of the text. `penalty` is 0 for whole clauses in even columns, up to about 1.
    """

    width: float
    height: float
    size: float
    cells: tuple[Cell, ...]
    seal: Box | None
    penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class Inscription:
    """Text of an inscription, split at its punctuation (which is not written), and the signature."""

    clauses: tuple[str, ...]
    signature: str = ""

    @property
    def length(self) -> int:
        """Number of characters of the text."""
        return sum(map(len, self.clauses))


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters of one size, one below the other, in a column that is counted from the right."""

    text: str
    column: int
    size: float
    top: float


def is_mark(character: str) -> bool:
    """True for punctuation and invisible characters, which calligraphers do not write."""
    return unicodedata.category(character)[0] in "PZCM"


def is_latin(text: str) -> bool:
    """True if most letters of a text are not Chinese, so that it is written from left to right."""
    letters = [char for char in text if char.isalpha()]
    return sum(ord(char) < 0x2E80 for char in letters) > len(letters) / 2


def split_clauses(text: str) -> tuple[str, ...]:
    """Split a text at punctuation and spaces, which are dropped."""
    return tuple("".join("\n" if is_mark(char) else char for char in text).split())


def column_lengths(inscription: Inscription) -> tuple[int, ...]:
    """Return numbers of characters in a column that are worth trying: even columns, and whole clauses of a verse."""
    total, longest = inscription.length, max(map(len, inscription.clauses), default=0)
    lengths = {math.ceil(total / columns) for columns in range(1, min(total, 16) + 1)}
    lengths |= {min(total, longest * clauses) for clauses in (1, 2, 4)}
    return tuple(sorted(length for length in lengths if length))


def split_columns(inscription: Inscription, length: int) -> tuple[str, ...]:
    """Return the columns of a text with at most `length` characters each.

    Clauses are kept whole if every column but the last is then at least three quarters full.
    """
    columns: list[str] = []
    for clause in inscription.clauses:
        if columns and len(columns[-1]) + len(clause) <= length:
            columns[-1] += clause
        else:
            columns.append(clause)
    sizes = [len(column) for column in columns]
    if all(size <= length for size in sizes) and all(size >= 0.75 * length for size in sizes[:-1]):
        return tuple(columns)
    return _cut("".join(inscription.clauses), length)


def vertical_block(
    inscription: Inscription, *, length: int, size: float, seal: float | None, advance: Advance
) -> TextBlock:
    """Lay out columns from right to left. The signature follows the text, and the seal stands below the signature.

    Args:
        inscription: text and signature; not both empty, unless there is a seal.
        length: characters of a column.
        size: of a character of the text in pixels.
        seal: height of the seal divided by its width; None without a seal.
        advance: width of a character that lies on its side.
    """
    columns = split_columns(inscription, max(1, length))
    runs = [_Run(text, number, size, 0.0) for number, text in enumerate(columns)]
    height = max((_bottom(run, advance) for run in runs), default=0.0)
    seal_width = size * SEAL_SCALE
    seal_room = 0.0 if seal is None else seal_width * seal + size * SEAL_GAP
    runs += _signature_runs(inscription.signature, runs, height=height, seal_room=seal_room, size=size, advance=advance)
    widths = [0.0] * (max((run.column for run in runs), default=0) + 1)
    for run in runs:
        widths[run.column] = max(widths[run.column], run.size)
    if seal is not None:
        widths[-1] = max(widths[-1], seal_width)
    gap = size * COLUMN_GAP
    width = sum(widths) + gap * (len(widths) - 1)
    centres = [width - sum(widths[:n]) - gap * n - widths[n] / 2 for n in range(len(widths))]
    cells = [cell for run in runs for cell in _column(run, centres[run.column], advance)]
    end = max((_bottom(run, advance) for run in runs if run.column == len(widths) - 1), default=-size * SEAL_GAP)
    box = None
    if seal is not None:
        box = Box(centres[-1] - seal_width / 2, end + size * SEAL_GAP, seal_width, seal_width * seal)
    bottom = (
        max([_bottom(run, advance) for run in runs] + ([box.top + box.height] if box else [])) if runs or box else 0.0
    )
    return TextBlock(width, bottom, size, tuple(cells), box, _raggedness(inscription, columns))


def horizontal_block(
    text: str, signature: str, *, width: float, size: float, seal: float | None, advance: Advance
) -> TextBlock:
    """Lay out lines from left to right; the signature stands below at the right, followed by the seal.

    Args:
        text: with punctuation; line feeds start a new line.
        signature: may be empty.
        width: largest width in pixels; a word that is wider is broken.
        size: of a character in pixels.
        seal: height of the seal divided by its width; None without a seal.
        advance: width of a character.
    """
    lines = [line for part in text.splitlines() for line in _wrap(part, width / size, advance)]
    pitch, small, seal_width = size * 1.35, size * SIGNATURE_SCALE, size * SEAL_SCALE
    widths = [sum(map(advance, line)) * size for line in lines]
    seal_room = 0.0 if seal is None else seal_width + size * SEAL_GAP
    signed = [line for line in _wrap(signature, max(1.0, (width - seal_room) / small), advance) if line]
    sign_widths = [sum(map(advance, line)) * small for line in signed]
    total = max([*widths, max(sign_widths, default=0.0) + seal_room])
    cells: list[Cell] = []
    for number, line in enumerate(lines):
        cells.extend(_line(line, 0.0, number * pitch + size / 2, size, advance))
    top = len(lines) * pitch
    for number, (line, line_width) in enumerate(zip(signed, sign_widths, strict=True)):
        cells.extend(_line(line, total - seal_room - line_width, top + (number + 0.5) * small * 1.2, small, advance))
    bottom = top + len(signed) * small * 1.2 if signed else max(0.0, top - (pitch - size))
    box = None
    if seal is not None:
        box_top = top + max(0.0, (len(signed) * small * 1.2 - seal_width * seal) / 2) if lines or signed else 0.0
        box = Box(total - seal_width, box_top, seal_width, seal_width * seal)
        bottom = max(bottom, box.top + box.height)
    return TextBlock(total, bottom, size, tuple(cells), box)


def _raggedness(inscription: Inscription, columns: Sequence[str]) -> float:
    """Return a cost of columns that break clauses, of a short last column, and of a single long one."""
    if not columns:
        return 0.0
    ends, total = {0}, 0
    for clause in inscription.clauses:
        total += len(clause)
        ends.add(total)
    breaks, total = 0, 0
    for column in columns:
        total += len(column)
        breaks += total not in ends
    uneven = 1 - len(columns[-1]) / len(columns[0])
    shape = abs(math.log(len(columns[0]) / (1.45 * len(columns)))) if inscription.length > 7 else 0.0
    return 0.35 * (breaks > 0) + 0.5 * uneven + 0.22 * shape


def _signature_runs(
    signature: str, runs: Sequence[_Run], *, height: float, seal_room: float, size: float, advance: Advance
) -> list[_Run]:
    """Place the signature below the last column if it fits there with its seal, else in columns of its own."""
    if not signature:
        return []
    small = size * SIGNATURE_SCALE if runs else size
    if len(runs) > 1:
        run = _Run(signature, runs[-1].column, small, _bottom(runs[-1], advance) + size * SIGNATURE_GAP)
        if _bottom(run, advance) + seal_room <= height + size / 2:
            return [run]
    first = runs[-1].column + 1 if runs else 0
    fits = int((height - seal_room) / (small * (1 + ROW_GAP)))
    if len(signature) > max(fits, 10):
        pieces = _cut(signature, math.ceil(len(signature) / math.ceil(len(signature) / max(fits, 10))))
    else:
        pieces = (signature,)
    placed = [_Run(text, first + number, small, 0.0) for number, text in enumerate(pieces)]
    lowered = max(0.0, height - seal_room - max(_bottom(run, advance) for run in placed))
    return [replace(run, top=lowered) for run in placed]


def _cut(text: str, length: int) -> tuple[str, ...]:
    return tuple(text[start : start + length] for start in range(0, len(text), length))


def _turned(character: str) -> bool:
    return character.isascii() and (character.isalnum())


def _step(character: str, size: float, advance: Advance) -> float:
    """Return the height that a character of a column takes."""
    return size * (advance(character) if _turned(character) else 1 + ROW_GAP)


def _bottom(run: _Run, advance: Advance) -> float:
    return run.top + sum(_step(char, run.size, advance) for char in run.text)


def _column(run: _Run, x: float, advance: Advance) -> list[Cell]:
    cells: list[Cell] = []
    top = run.top
    for char in run.text:
        step = _step(char, run.size, advance)
        cells.append(Cell(char, x, top + step / 2, run.size, _turned(char)))
        top += step
    return cells


def _line(line: str, left: float, y: float, size: float, advance: Advance) -> list[Cell]:
    cells: list[Cell] = []
    for char in line:
        step = advance(char) * size
        if not char.isspace():
            cells.append(Cell(char, left + step / 2, y, size, in_line=True))
        left += step
    return cells


def _wrap(text: str, width: float, advance: Advance) -> list[str]:
    """Break a text into lines; between words if it has spaces. Widths are in characters."""
    lines, line = [""], 0.0
    for word in _words(text):
        extent = sum(map(advance, word))
        if line and line + extent > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
            line = 0.0
            word = word.lstrip()
        for char in word:
            if line and line + advance(char) > width:
                lines.append("")
                line = 0.0
            lines[-1] += char
            line += advance(char)
    lines[-1] = lines[-1].rstrip()
    return lines if any(lines) else []


def _words(text: str) -> list[str]:
    """Split a text before spaces and around each Chinese character."""
    words: list[str] = []
    for char in text:
        if words and char.isascii() and not char.isspace() and words[-1][-1].isascii():
            words[-1] += char
        else:
            words.append(char)
    return words
