"""Sentences, weights and suffixes."""

import pytest

from danqing.errors import InvalidRequest, ScheduleError
from danqing.prompt import Prompt, parse_prompt, parse_prompts, prompt_notices
from danqing.schedule import parse_schedule


@pytest.mark.parametrize(
    ("source", "text", "weight"),
    [
        ("孤舟蓑笠翁，独钓寒江雪。", "孤舟蓑笠翁，独钓寒江雪。", 1),
        ("远山:0.5", "远山", 0.5),
        ("远山：０．５", "远山", 0.5),
        ("远山：-1", "远山", -1),
        ("远山 : +2 ", "远山", 2),
        ("远山:.5", "远山", 0.5),
        ("1920年代的上海滩:2.5 黑白照片", "1920年代的上海滩:2.5 黑白照片", 1),
        ("他说：画一座山", "他说：画一座山", 1),
        ("时间12:30的钟楼", "时间12:30的钟楼", 1),
        ("春:夏：2", "春:夏", 2),
        ("图注：[远山]", "图注：[远山]", 1),
        ("比分 3:[2]", "比分 3:[2]", 1),
        ("钟楼，时间是12:30", "钟楼，时间是12:30", 1),
        ("比例16:9", "比例16:9", 1),
        ("比例１６：９", "比例１６：９", 1),
        ("雪山，早上8:05", "雪山，早上8:05", 1),
        ("古城，晚上8：00", "古城，晚上8：00", 1),
        ("Blade Runner: 2049", "Blade Runner: 2049", 1),
        ("上海 1920 :2", "上海 1920", 2),
        ("红色：−0.3", "红色", -0.3),
        ("红色：－０.３", "红色", -0.3),
        ("红色：–3", "红色", -3),
        ("远山：٣", "远山", 3),
        (r"foo\:2", "foo:2", 1),
        (r"山\：2 ：0.5", "山：2", 0.5),
        ("foo::2", "foo", 2),
        ("远山:20", "远山", 20),
        ("远山:21", "远山:21", 1),
        ("3*4 的格子：12", "3*4 的格子", 12),
        ("远山:[1]*400+[0]*600", "远山", "[1]*400+[0]*600"),
        ("远山 ： ［１］＊４００＋［-0.5］＊600 ", "远山", "[1]*400+[-0.5]*600"),
        ("远山:400*[1]+([2]*2+[3])*200", "远山", "400*[1]+([2]*2+[3])*200"),
    ],
)
def test_only_a_trailing_number_or_schedule_is_a_weight(source: str, text: str, weight: float | str) -> None:
    assert parse_prompt(source) == (Prompt(text, parse_schedule(weight)),)


@pytest.mark.parametrize(("source", "says"), [("远山:[1]*400", "400"), ("远山:[1]*", "远山"), ("远山:[1]**9", "远山")])
def test_a_schedule_that_cannot_be_read_is_an_error(source: str, says: str) -> None:
    with pytest.raises(ScheduleError, match=says) as caught:
        parse_prompt(source)
    assert caught.value.field == "prompts"


@pytest.mark.parametrize("source", ["", "   ", "：2", "\t\n", "山\0水", "山\ud800", "山" * 2001])
def test_sentences_that_cannot_be_painted(source: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_prompt(source)
    assert caught.value.field == "prompts"


def test_style_and_artist_join_the_first_sentence_before_its_weight() -> None:
    prompts = ["孤舟:2", "雪:0.5"]
    assert parse_prompts(prompts, style="水墨画", artist="齐白石") == (
        Prompt("孤舟，水墨画，由齐白石所作", parse_schedule(2)),
        Prompt("雪", parse_schedule(0.5)),
    )
    assert prompts == ["孤舟:2", "雪:0.5"]


def test_empty_style_and_artist_add_nothing() -> None:
    assert parse_prompts(["山"], style="", artist="  ") == (Prompt("山"),)


@pytest.mark.parametrize(
    "prompts",
    [
        [],
        ["山:1", "水:-1"],
        ["山:0"],
        ["山:[0]*1000"],
        ["山:[1]*500+[2]*500", "水:-1"],
    ],
)
def test_prompts_that_give_no_direction(prompts: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        parse_prompts(prompts)


@pytest.mark.parametrize(
    ("source", "prompts"),
    [
        ("行人:-0.5 雪山:1.0", [("行人", -0.5), ("雪山", 1)]),
        ("雪山：2，飞鸟：1", [("雪山：2，飞鸟", 1)]),
        ("雪山：2　飞鸟：1", [("雪山", 2), ("飞鸟", 1)]),
        ("雪山:2\n飞鸟:[1]*400+[0]*600", [("雪山", 2), ("飞鸟", "[1]*400+[0]*600")]),
        ("雪山:2 飞鸟", [("雪山:2 飞鸟", 1)]),
        ("12:30 雪山:2", [("12:30 雪山", 2)]),
    ],
)
def test_several_weighted_prompts_may_share_a_line(source: str, prompts: list[tuple[str, float | str]]) -> None:
    assert parse_prompt(source) == tuple(Prompt(text, parse_schedule(weight)) for text, weight in prompts)


def test_more_than_twenty_prompts_are_refused_however_they_are_written() -> None:
    assert len(parse_prompts(["山:1 " * 20])) == 20
    with pytest.raises(InvalidRequest, match="21"):
        parse_prompts(["山:1 " * 20, "水"])


@pytest.mark.parametrize(
    ("prompts", "zh", "en"),
    [
        (["远山:0.5", "雪"], "", ""),
        (["他说：画一座山"], "", ""),
        (["钟楼，时间是12:30"], "时间是12:30”按文字处理", "is read as text"),
        (["Blade Runner: 2049"], "2049”按文字处理", "is read as text"),
        (["上海滩:2.5 黑白照片"], "2.5”按文字处理", "is read as text"),
        (["行人:-0.5 雪山:1.0"], "按 2 句处理：“行人” -0.5，“雪山” 1", "read as 2 prompts"),
        (["雪山:12"], "“雪山”的权重是 12", "weight of '雪山' is 12"),
        (["山:-1"], "所有权重都是负数", "All weights are negative"),
    ],
)
def test_prompts_that_may_be_misread_are_reported(prompts: list[str], zh: str, en: str) -> None:
    notices = prompt_notices(prompts)
    assert len(notices) == bool(zh)
    for notice in notices:
        assert zh in notice.zh
        assert en in notice.en


def test_negative_weights_are_allowed() -> None:
    assert [p.weight.values for p in parse_prompts(["山:2", "人:-0.5"])] == [(2,), (-0.5,)]


def test_a_moment_without_any_sentence_is_allowed() -> None:
    assert len(parse_prompts(["山:[1]*400+[0]*600"])) == 1
    assert len(parse_prompts(["山:[1]*400+[0]*600", "人:[-2]*300+[0]*700"])) == 2
