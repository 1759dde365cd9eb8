"""Text in Chinese and English."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """A message in both languages of the program."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """Return the message in one language."""
        return self.en if language == "en" else self.zh
