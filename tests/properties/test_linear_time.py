"""Parsing of user input takes time linear in its length: 2n characters take at most 3 times as long as n."""

import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from danqing.errors import DanqingError
from danqing.inputs.image_file import display_name, read_image_bytes
from danqing.inputs.text_file import decode_user_text
from danqing.paddlehub.cli_args import parse_args
from danqing.paddlehub.parameters import to_request
from danqing.prompt import MAX_CHARACTERS, parse_prompt, prompt_notices
from danqing.request import read_request
from danqing.request.clip_weights import split_clip_weights
from danqing.schedule import MAX_TEXT, parse_schedule

pytestmark = pytest.mark.slow

PROMPTS = [
    " ",
    ":",
    "[*",
    " :[*",
    "a ",
    ": ",
    "1:",
    ":1 ",
    "山:1 ",
    "山：[1]*400 ",
    "\\:",
    "[1]*1+",
    "：：",
    "：[ * ",
    "-",
    "．",
]
SCHEDULES = ["[1]*1+", "(", "[", "1", "[1]+", "(1)*", "-", "１", "[1,", "  ", "[1]*", "1e"]
CLIPS = [",", "[", "a:[", ",[", "[,", "a,", "：", " ,", "],"]


def seconds(call: Callable[[], object]) -> float:
    def once() -> float:
        start = time.thread_time()  # not affected by other programs
        with suppress(DanqingError):
            call()
        return time.thread_time() - start

    return statistics.median(once() for _ in range(9))


def assert_linear(call: Callable[[str], object], unit: str, length: int) -> None:
    text = unit * (2 * length // len(unit))
    short = long = 0.0
    for _ in range(5):  # the machine may be busy
        short, long = seconds(partial(call, text[:length])), seconds(partial(call, text[: 2 * length]))
        if long <= 3 * short + 1e-4:
            return
    pytest.fail(f"{unit!r}: {short:.6f} s for {length} characters, {long:.6f} s for twice as many")


@pytest.mark.parametrize("unit", PROMPTS)
def test_prompts(unit: str) -> None:
    assert_linear(parse_prompt, unit, MAX_CHARACTERS // 2)
    assert_linear(lambda text: prompt_notices([f"雪 {text}"[:MAX_CHARACTERS]]), unit, MAX_CHARACTERS // 2)


@pytest.mark.parametrize("unit", SCHEDULES)
def test_schedules(unit: str) -> None:
    assert_linear(parse_schedule, unit, MAX_TEXT // 2)


@pytest.mark.parametrize("unit", CLIPS)
def test_lists_of_clips(unit: str) -> None:
    assert_linear(split_clip_weights, unit, 100_000)
    assert_linear(lambda text: read_request({"prompts": "雪", "clip": text}), unit, 4000)


ARGUMENTS = ["[", "[1,", "['", "(", "--", "=", "['山',", "-_"]


@pytest.mark.parametrize("unit", ARGUMENTS)
def test_command_lines_of_paddlehub(unit: str) -> None:
    assert_linear(lambda text: parse_args(["--text_prompts", text]), unit, 50_000)
    assert_linear(lambda text: parse_args([f"--{text}"]), unit, 50_000)
    assert_linear(lambda text: to_request({"text_prompts": "山", "width_height": text}), unit, 50_000)


@pytest.mark.parametrize("unit", ["x", "1 ", "１", "[(", ",", "Gi", "\t", "是"])
def test_short_values(unit: str) -> None:
    for field in ("size", "memory", "steps", "eta", "perlin_init", "quality", "symmetry_at", "save", "device", unit):
        assert_linear(lambda text, field=field: read_request({"prompts": "雪", field: text}), unit, 10_000)


@pytest.mark.parametrize(
    "unit", [b"a", b"\n", b"\xb0\xa1", b"\xa4@", b"\xc3\xa9", "雪".encode(), b"\x81\x30", b"\0a", b"\xff"]
)
def test_text_files(unit: bytes) -> None:
    def decode(text: str) -> object:
        return decode_user_text(text.encode("latin-1"), "a.txt")

    assert_linear(decode, unit.decode("latin-1"), 100_000)


@pytest.mark.parametrize("unit", ["A", "=", "AA==", " A", ",", "%41", ";base64,"])
def test_data_uris(unit: str) -> None:
    assert_linear(lambda text: read_image_bytes(f"data:{text}"), unit, 200_000)
    assert_linear(lambda text: read_image_bytes(f"data:image/png;base64,{text}"), unit, 200_000)
    assert_linear(lambda text: display_name(text), unit, 200_000)


def test_the_reported_prompt_is_parsed_at_once() -> None:
    start = time.perf_counter()
    with pytest.raises(DanqingError):
        parse_prompt(" :[*" * 121)
    assert time.perf_counter() - start < 0.1


def test_a_long_schedule_is_refused_before_it_is_normalised() -> None:
    text = "１" * 5_000_000
    start = time.perf_counter()
    with pytest.raises(DanqingError):
        parse_schedule(text)
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize("unit", ["[1]+", "(", "-", "[", "[1]*1+", "+", "((1))*"])
def test_deeply_nested_schedules_are_refused_without_recursion(unit: str) -> None:
    with pytest.raises(DanqingError):
        parse_schedule(unit * (MAX_TEXT // len(unit)))
