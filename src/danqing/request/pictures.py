"""The pictures of a request: initial image, mask, seal and reference pictures, by a name of each."""

from collections.abc import Mapping, Sequence
from typing import cast

from danqing.finishing.options import is_picture
from danqing.request.references import split_reference

PLACEHOLDER = "data:,"
"""An empty data URI in place of a picture that is stored elsewhere."""
_SINGLE = ("init_image", "mask", "seal")
_REFERENCES = "like"


def holds_picture(field: str, value: object) -> bool:
    """Return whether a field of a request is for pictures; a seal may also be characters."""
    if field == "seal":
        return isinstance(value, str) and is_picture(value)
    return field in (*_SINGLE, _REFERENCES)


def picture_sources(values: Mapping[str, object]) -> dict[str, str]:
    """Return the sources of the pictures: files, URLs or data URIs, without the weights of reference pictures.

    Args:
        values: fields of a request.
    Returns:
        sources by name: init_image, mask, seal, like-0, like-1, ...
    """
    single = {name: values.get(name) for name in _SINGLE if holds_picture(name, values.get(name))}
    several = {f"{_REFERENCES}-{number}": split_reference(text)[0] for number, text in enumerate(_references(values))}
    return {name: source for name, source in {**single, **several}.items() if isinstance(source, str) and source}


def replace_pictures(values: Mapping[str, object], sources: Mapping[str, str]) -> dict[str, object]:
    """Return only the changed fields of a request after replacing some of its pictures.

    Args:
        values: fields of a request.
        sources: new sources by the names of `picture_sources`; weights remain.
    """
    changed: dict[str, object] = {name: source for name, source in sources.items() if name in _SINGLE}
    references = _references(values)
    if any(f"{_REFERENCES}-{number}" in sources for number in range(len(references))):
        changed[_REFERENCES] = tuple(
            _with_source(text, sources.get(f"{_REFERENCES}-{number}")) for number, text in enumerate(references)
        )
    return changed


def field_of(name: str) -> str:
    """Return the field of a picture's name."""
    return name.partition("-")[0]


def _references(values: Mapping[str, object]) -> list[str]:
    value = values.get(_REFERENCES)
    if isinstance(value, str):
        return [value]
    items = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, str)]


def _with_source(text: str, source: str | None) -> str:
    weight = split_reference(text)[1]
    return text if source is None else f"{source}:{weight}" if weight else source
