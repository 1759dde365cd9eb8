"""Chinese or English: which one the user reads, and picking it out of texts that carry both."""

from danqing.errors import InvalidRequest
from danqing.i18n import Language
from danqing.settings import read_settings

SEPARATOR = " | "
"""Help texts are written as "中文 | English"."""


def read_language() -> Language:
    """The user's language; Chinese where the environment cannot be understood, so that this can be said."""
    try:
        return read_settings().language
    except InvalidRequest:
        return "zh"


def tr(zh: str, en: str) -> str:
    """The one that the user reads."""
    return en if read_language() == "en" else zh


def localized(text: str) -> str:
    """The user's half of a text that was written as "中文 | English"; other texts as they are."""
    zh, both, en = text.partition(SEPARATOR)
    return tr(zh, en) if both else text
