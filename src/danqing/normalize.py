"""Normalises the digits and signs of numbers typed with an input method: full-width forms, U+2212 and its relatives."""

import unicodedata

_SIGNS = str.maketrans(dict.fromkeys("−–﹣－‐‑", "-") | {"：": ":", "﹕": ":", "×": "x"})


def normalize_characters(text: str) -> str:
    """Replace every compatibility character and every kind of minus, colon and digit by its ASCII form.

    Returns:
        a text of the same length, so that positions in it are positions in `text`.
    """
    return text if text.isascii() else "".join(map(_normalize, text.translate(_SIGNS)))


def _normalize(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    normal = unicodedata.normalize("NFKC", character)
    return normal if len(normal) == 1 else character
