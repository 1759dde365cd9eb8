"""Search in the stored jobs: words, model, style, shape, and lists of IDs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Shape = Literal["square", "wide", "scroll", "tall"]
"""Square, landscape, landscape with a width of 2.5 times the height or more, portrait."""

LONG = 2.5
"""Smallest ratio of width to height of a scroll."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a list contains: those that match every field that is set."""

    words: tuple[str, ...] = ()
    """Texts that all occur in the sentences, the artist or the style; upper and lower case are equal."""
    model: str | None = None
    style: str | None = None
    """A part of the style or of a sentence."""
    shape: Shape | None = None
    ids: tuple[str, ...] | None = None
    """Only these jobs."""
    created_before: float | None = None
    """Seconds since 1970."""

    def matches(self, id: str, values: Mapping[str, Any], created: float) -> bool:
        """Return True if a job matches, given its ID, its request as JSON values, and the time of its creation."""
        text = search_text(values)
        return (
            all(word.lower() in text for word in self.words)
            and (self.model is None or values.get("model") == self.model)
            and (self.style is None or self.style.lower() in text)
            and (self.shape is None or shape_of(values) == self.shape)
            and (self.ids is None or id in self.ids)
            and (self.created_before is None or created < self.created_before)
        )


ALL_JOBS = JobFilter()


def shape_of(values: Mapping[str, Any]) -> Shape:
    """Return the shape of the canvas of a request, given as JSON values."""
    match values.get("size"):
        case [int(width), int(height)]:
            pass
        case _:
            return "square"
    if width == height:
        return "square"
    if width < height:
        return "tall"
    return "scroll" if width >= LONG * height else "wide"


def conditions(wanted: JobFilter) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield the conditions of a filter in SQL, each with its values; see `danqing.jobs.database.JobDatabase` for the columns."""
    for word in (*wanted.words, *([wanted.style] if wanted.style else [])):
        pattern = re.sub(r"([!%_])", r"!\1", word.lower())
        yield "search_text LIKE ? ESCAPE '!'", (f"%{pattern}%",)
    if wanted.model is not None:
        yield "model = ?", (wanted.model,)
    if wanted.shape is not None:
        yield "shape = ?", (wanted.shape,)
    if wanted.ids is not None:
        yield f"id IN ({', '.join('?' * len(wanted.ids)) or 'NULL'})", wanted.ids
    if wanted.created_before is not None:
        yield "created_at < ?", (wanted.created_before,)


def search_text(values: Mapping[str, Any]) -> str:
    """Return the text of a request in which words are searched, in lower case."""
    prompts = values.get("prompts") or ()
    return " ".join([*map(str, prompts), str(values.get("artist") or ""), str(values.get("style") or "")]).lower()
