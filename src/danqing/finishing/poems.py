"""Classic lines to paint and to inscribe (诗画同题): couplets of Tang and Song poems, in the public domain."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ALIKE = (
    "舟船艇帆",
    "月",
    "日阳",
    "山峰岭",
    "江河水",
    "湖",
    "海",
    "鸟雁鹤鹭鸥莺燕",
    "楼亭阁",
    "寺庙",
    "村家屋",
    "花",
    "竹",
    "梅",
    "荷莲",
    "树林松柳",
    "雪",
    "雨",
    "秋霜",
    "春",
    "夜",
    "渔翁",
    "桥",
    "云雾烟",
)
"""Characters that count as the same thing in a search."""


@dataclass(frozen=True, slots=True)
class Verse:
    """A couplet with its poet and the title of the poem."""

    line: str
    author: str
    title: str


def find_verses(words: str, limit: int = 10) -> tuple[Verse, ...]:
    """Return the lines that fit some words best, in the order of the anthology; those with the exact words first.

    Args:
        words: things, such as 雪 or 雪中的船; without words the first lines are returned.
        limit: largest number of lines.
    """
    wanted = [group for group in _ALIKE if any(char in group for char in words)]
    scored = [(_score(verse, words, wanted), verse) for verse in all_verses()]
    fitting = sorted((item for item in scored if item[0] > 0 or not words.strip()), key=lambda item: -item[0])
    return tuple(verse for _, verse in fitting[:limit])


@cache
def all_verses() -> tuple[Verse, ...]:
    """Return all lines; written by scripts/generate_poems.py."""
    text = files("danqing.finishing").joinpath("poems.json").read_text("utf-8")
    return tuple(Verse(**entry) for entry in json.loads(text))


def _score(verse: Verse, words: str, wanted: list[str]) -> float:
    """Return how many of the wanted things a line names; exact characters and the poet's name count more."""
    exact = sum(0.5 for char in set(words) if char in verse.line and any(char in group for group in _ALIKE))
    named = 3.0 if words and (words in verse.line or verse.author in words or words in verse.title) else 0.0
    return sum(any(char in verse.line for char in group) for group in wanted) + exact + named
