"""Lines of poetry: form, well-known ones, search."""

import re

from danqing.finishing.poems import all_verses, find_verses


def test_there_are_a_few_hundred_even_couplets() -> None:
    verses = all_verses()
    assert 200 < len(verses) < 1000
    assert len({verse.line for verse in verses}) == len(verses)
    for verse in verses:
        first, second = re.findall(r"\w+", verse.line)
        assert len(first) == len(second)
        assert len(first) in (5, 7)
        assert verse.author
        assert verse.title


def test_known_lines_have_their_poet() -> None:
    known = {(verse.line, verse.author, verse.title) for verse in all_verses()}
    assert ("孤舟蓑笠翁，独钓寒江雪。", "柳宗元", "江雪") in known
    assert ("明月松间照，清泉石上流。", "王维", "山居秋暝") in known
    assert ("月落乌啼霜满天，江枫渔火对愁眠。", "张继", "枫桥夜泊") not in known  # 愁


def test_a_search_finds_lines_with_the_things() -> None:
    assert all("雪" in verse.line for verse in find_verses("雪", 5))
    best = [verse.line for verse in find_verses("雪中的船", 2)]
    assert best == ["窗含西岭千秋雪，门泊东吴万里船。", "孤舟蓑笠翁，独钓寒江雪。"]
    assert all(verse.author == "王维" for verse in find_verses("王维", 5))
    assert find_verses("xyz") == ()
