"""The user's language, and messages in it."""

from danqing.errors import InvalidRequest
from danqing.i18n import Language, Text
from danqing.settings import read_settings

SEPARATOR = " | "
"""Help texts are written as "中文 | English"."""


def read_language() -> Language:
    """Return the user's language; English if the settings are invalid."""
    try:
        return read_settings().language
    except InvalidRequest:
        return "en"


def tr(zh: str, en: str) -> str:
    """Return the message in the user's language."""
    return Text(zh, en).in_language(read_language())


def localized(text: str) -> str:
    """Return the user's half of "中文 | English"; other texts are returned unchanged."""
    zh, separator, en = text.partition(SEPARATOR)
    return tr(zh, en) if separator else text
