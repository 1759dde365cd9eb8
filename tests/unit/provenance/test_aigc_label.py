"""The implicit label: its exact text, and what is wrong with others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.provenance.aigc_label import KEYS, is_valid_value, make_label, parse_label, to_json

VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1)
COMPLETE: dict[str, Any] = json.loads(to_json(make_label("danqing", "7")))


def test_the_text_is_that_of_the_standard() -> None:
    expected = (
        '{"Label":"1","ContentProducer":"001191110102MACQD9K64010000","ProduceID":"a1","ReservedCode1":"",'
        '"ContentPropagator":"001191110102MACQD9K64010000","PropagateID":"a1","ReservedCode2":""}'
    )
    assert to_json(make_label("001191110102MACQD9K64010000", "a1")) == expected


@given(VALUES, VALUES)
def test_a_label_is_read_as_it_was_made_in_both_forms(producer: str, number: str) -> None:
    label = make_label(producer, number)
    for text in (to_json(label), json.dumps({"AIGC": label})):
        parsed = parse_label(text)
        assert parsed is not None
        assert parsed.complete
        assert parsed.values == label


@pytest.mark.parametrize("name", ["丹青", "two words", 'a"b', "a\\b", "\x7f"])
def test_other_characters_are_rejected(name: str) -> None:
    assert not is_valid_value(name)
    with pytest.raises(ValueError):
        make_label(name, "1")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Label": 1}, "Label is not a string"),
        ({"Label": "4"}, "Label is not 1, 2 or 3"),
        ({"ProduceID": ""}, "ProduceID is empty"),
        ({"ContentProducer": "丹青"}, "ContentProducer has characters that are not allowed"),
        ({"ReservedCode2": None}, "ReservedCode2 is not a string"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], problem: str) -> None:
    parsed = parse_label(json.dumps({**COMPLETE, **changes}))
    assert parsed is not None
    assert problem in [text.en for text in parsed.problems]


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(key: str) -> None:
    parsed = parse_label(json.dumps({name: value for name, value in COMPLETE.items() if name != key}))
    assert parsed is not None
    assert [text.en for text in parsed.problems] == [f"{key} is missing"]


def test_the_order_matters() -> None:
    parsed = parse_label(json.dumps(dict(reversed(COMPLETE.items()))))
    assert parsed is not None
    assert [text.en for text in parsed.problems] == ["the keys are in the wrong order"]


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"AIGC": 1}', "danqing", "[" * 100_000])
def test_other_texts_are_no_label(text: str) -> None:
    assert parse_label(text) is None
