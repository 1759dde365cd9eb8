"""The implicit label of GB 45438-2025, Annex E: a JSON object with seven strings that is stored in a file's metadata."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from danqing.i18n import Text

KEYS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
"""The keys of a complete label, in the order of the standard."""
WRAPPER = "AIGC"
"""Some programs store the object under this key of an outer object."""

Certainty = Literal["1", "2", "3"]
"""Value of `Label`: 1 generated, 2 possibly generated, 3 suspected to be generated."""

_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]*")
_OPTIONAL = frozenset({"ReservedCode1", "ReservedCode2"})


def is_valid_value(text: str) -> bool:
    """Check that a text has only characters that the standard allows: printable ASCII without space, quote and backslash."""
    return _VALUE.fullmatch(text) is not None


def make_label(producer: str, produce_id: str, *, certainty: Certainty = "1") -> dict[str, str]:
    """Build the label of a new file; its producer is also its first propagator.

    Args:
        producer: name or 27-character code of the service that made the file.
        produce_id: number of the file, unique for the producer.
        certainty: see `Certainty`.
    Raises:
        ValueError: a value has other characters than those of the standard.
    """
    if not (is_valid_value(producer) and is_valid_value(produce_id)):
        raise ValueError(f"invalid characters in {producer!r} or {produce_id!r}")
    return dict(zip(KEYS, (certainty, producer, produce_id, "", producer, produce_id, ""), strict=True))


def to_json(label: Mapping[str, str]) -> str:
    """Serialise a label without white space, its keys in the order of the standard."""
    return json.dumps({key: label[key] for key in KEYS}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class ParsedLabel:
    """A label as found in a file.

    Attributes:
        values: the keys of the standard that are present with texts as values.
        problems: what a complete label would need; empty if it is complete.
    """

    values: Mapping[str, str]
    problems: tuple[Text, ...]

    @property
    def complete(self) -> bool:
        """True if all seven keys are present, valid and in order."""
        return not self.problems


def parse_label(text: str) -> ParsedLabel | None:
    """Parse a label, either the bare object or the object under the key "AIGC".

    Returns:
        the label; None if the text is not a JSON object with a key of the standard.
    """
    try:
        outer: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(outer, dict):
        return None
    fields = cast("dict[str, object]", outer)
    inner = fields.get(WRAPPER, fields)
    if not isinstance(inner, dict):
        return None
    found = cast("dict[str, object]", inner)
    if not found.keys() & set(KEYS):
        return None
    values = {key: value for key in KEYS if isinstance(value := found.get(key), str)}
    return ParsedLabel(values, tuple(_problems(found)))


def _problems(found: Mapping[str, object]) -> list[Text]:
    problems = [Text(f"缺少 {key}", f"{key} is missing") for key in KEYS if key not in found]
    for key in KEYS:
        value = found.get(key, "")
        if not isinstance(value, str):
            problems.append(Text(f"{key} 不是字符串", f"{key} is not a string"))
        elif not is_valid_value(value):
            problems.append(Text(f"{key} 含有不允许的字符", f"{key} has characters that are not allowed"))
        elif key in found and not value and key not in _OPTIONAL:
            problems.append(Text(f"{key} 是空的", f"{key} is empty"))
    if found.get("Label") not in (None, "1", "2", "3"):
        problems.append(Text("Label 不是 1、2 或 3", "Label is not 1, 2 or 3"))
    if not problems and tuple(key for key in found if key in KEYS) != KEYS:
        problems.append(Text("各项的顺序不对", "the keys are in the wrong order"))
    return problems
