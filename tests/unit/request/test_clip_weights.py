"""Which CLIPs look: names, weights, schedules, and what is refused."""

import json

import pytest

from danqing.errors import InvalidRequest, ScheduleError
from danqing.request import read_request
from danqing.request.clip_weights import ClipWeight, parse_clip_weight, split_clip_weights
from danqing.request.field_types import MAX_CLIP_TEXT
from danqing.schedule import parse_schedule


@pytest.mark.parametrize(
    ("source", "name", "share"),
    [
        ("clip-rn50", "clip-rn50", 1),
        (" clip-rn50 ： 0.50", "clip-rn50", 0.5),
        ("clip-rn50:1", "clip-rn50", 1),
        ("a:[1]*400 + [0]*600", "a", "[1]*400+[0]*600"),
    ],
)
def test_a_name_and_what_its_word_counts(source: str, name: str, share: float | str) -> None:
    assert parse_clip_weight(source) == ClipWeight(name, parse_schedule(share))


@pytest.mark.parametrize("source", ["", ":0.5", "a:", "a:much", "a:-1", "a:101", "a:[1]*400", "a:[-1]*1000", "a:b:1"])
def test_what_cannot_be_read(source: str) -> None:
    with pytest.raises((InvalidRequest, ScheduleError)) as caught:
        parse_clip_weight(source)
    assert caught.value.field == "clip"


def test_commas_between_clips_are_not_those_of_a_list() -> None:
    assert split_clip_weights("a, b:0.5，c") == ["a", "b:0.5", "c"]
    assert split_clip_weights("a:[1,0]*500,b:［1，0］＊500") == ["a:[1,0]*500", "b:［1，0］＊500"]
    assert split_clip_weights(" ") == []


def test_a_long_text_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"prompts": "山", "clip": "a:" * MAX_CLIP_TEXT})
    assert caught.value.field == "clip"
    assert "缩短" in caught.value.zh


def test_a_request_holds_them_as_texts() -> None:
    request = read_request({"prompts": "山", "clip": ["clip-rn50：0.5", "a:[1]*500+[0]*500,b"]})
    assert request.clip == ("clip-rn50：0.5", "a:[1]*500+[0]*500", "b")
    assert [look.name for look in request.clip_weights()] == ["clip-rn50", "a", "b"]
    again = json.loads(json.dumps(request.to_dict()))
    assert read_request(again) == request
    assert read_request({"prompts": "山", "clip": "a,b"}).clip == ("a", "b")
    assert read_request({"prompts": "山"}).clip_weights() == ()


@pytest.mark.parametrize(
    ("clip", "words"), [(["a", "a:2"], "重复"), ([3], "文字"), (3, "列表"), ([f"c{i}" for i in range(9)], "最多 8")]
)
def test_what_a_request_refuses(clip: object, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        read_request({"prompts": "山", "clip": clip})
    assert caught.value.field is not None
    assert caught.value.field.startswith("clip")
