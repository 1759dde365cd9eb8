"""Layout of inscriptions: nothing leaves the block, columns keep clauses, the seal stands below the name."""

from hypothesis import given
from hypothesis import strategies as st

from danqing.finishing.layout import (
    Inscription,
    column_lengths,
    horizontal_block,
    is_latin,
    split_clauses,
    split_columns,
    vertical_block,
)

POEM = "孤舟蓑笠翁，独钓寒江雪。"


def half(_: str) -> float:
    return 0.5


def test_punctuation_is_dropped_and_separates_clauses() -> None:
    assert split_clauses("《江雪》：千山鸟飞绝，万径人踪灭。 ") == ("江雪", "千山鸟飞绝", "万径人踪灭")


def test_columns_keep_the_lines_of_a_verse() -> None:
    verse = Inscription(split_clauses(POEM))
    assert split_columns(verse, 5) == ("孤舟蓑笠翁", "独钓寒江雪")
    assert split_columns(verse, 10) == ("孤舟蓑笠翁独钓寒江雪",)
    assert split_columns(verse, 4) == ("孤舟蓑笠", "翁独钓寒", "江雪")
    assert {5, 10} <= set(column_lengths(verse))


def test_columns_go_from_right_to_left_and_the_seal_is_below_the_name() -> None:
    block = vertical_block(Inscription(split_clauses(POEM), "白石"), length=5, size=40, seal=1.0, advance=half)
    first, last = block.cells[0], block.cells[9]
    assert (first.character, last.character) == ("孤", "雪")
    assert first.x > last.x
    assert first.y < block.cells[4].y
    name = [cell for cell in block.cells if cell.character in "白石"]
    assert block.seal is not None
    assert all(cell.x < last.x and cell.size < last.size for cell in name)
    assert block.seal.top >= max(cell.y + cell.size / 2 for cell in name)
    assert abs(block.seal.left + block.seal.width / 2 - name[-1].x) < 1e-6


def test_letters_lie_on_their_side_in_a_column() -> None:
    block = vertical_block(Inscription(("雪A1",)), length=3, size=20, seal=None, advance=half)
    assert [cell.turned for cell in block.cells] == [False, True, True]


def test_lines_are_broken_between_words() -> None:
    block = horizontal_block("one two three", "me", width=100, size=20, seal=1.0, advance=half)
    lines = sorted({cell.y for cell in block.cells if cell.size == 20})
    assert ["".join(cell.character for cell in block.cells if cell.y == y) for y in lines] == ["onetwo", "three"]
    assert block.seal is not None
    assert block.seal.left > max(cell.x for cell in block.cells if cell.size < 20)


def test_the_language_of_a_text_is_recognised() -> None:
    assert is_latin("Snow on the river")
    assert not is_latin("孤舟 A")
    assert not is_latin("，。")


@given(
    clauses=st.lists(st.text("孤舟雪月Ab1", min_size=1, max_size=12), max_size=8),
    signature=st.text("丙午白石Q", max_size=14),
    length=st.integers(1, 40),
    size=st.floats(8, 90),
    seal=st.none() | st.sampled_from((1.0, 1.72)),
)
def test_nothing_leaves_the_block(
    clauses: list[str], signature: str, length: int, size: float, seal: float | None
) -> None:
    inscription = Inscription(tuple(clauses), signature)
    vertical = vertical_block(inscription, length=length, size=size, seal=seal, advance=half)
    horizontal = horizontal_block("，".join(clauses), signature, width=size * 9, size=size, seal=seal, advance=half)
    assert "".join(cell.character for cell in vertical.cells) == "".join(clauses) + signature
    for block in (vertical, horizontal):
        for cell in block.cells:
            assert cell.x - cell.size / 4 >= -0.01
            assert cell.x + cell.size / 4 <= block.width + 0.01
            assert cell.y - cell.size / 4 >= -0.01
            assert cell.y + cell.size / 4 <= block.height + 0.01
        if block.seal is not None:
            assert block.seal.left >= -0.01
            assert block.seal.left + block.seal.width <= block.width + 0.01
            assert block.seal.top + block.seal.height <= block.height + 0.01
