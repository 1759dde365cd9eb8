"""Chinese or English: which one the user reads, and picking it out of texts that carry both."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from danqing.settings import Language

# The rule of danqing.settings, repeated because pydantic_settings costs more time than all of `danqing --help`.
_VARIABLES = ("DANQING_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

BOTH = " | "
"""Help texts are written as "中文 | English"."""


def read_language() -> "Language":
    """The user's language, as `Settings.language` has it."""
    chosen = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return "en" if chosen.lower().startswith("en") else "zh"


def say(zh: str, en: str) -> str:
    """The one that the user reads."""
    return en if read_language() == "en" else zh


def pick(text: str) -> str:
    """The user's half of a text that was written as "中文 | English"; other texts as they are."""
    zh, both, en = text.partition(BOTH)
    return say(zh, en) if both else text
