"""Messages about prompts before painting."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.models.prompt_check import PromptReader, check_prompts, load_prompt_reader, load_unet_reader
from danqing.models.tokenizer import Tokenizer
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.zoo.registry import get_installed

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"孤舟雪山，由画"]


@pytest.fixture
def readers(tmp_path: Path) -> list[PromptReader]:
    """Two CLIPs with the same small vocabulary; the second one has the shorter context."""
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(PIECES), "utf-8")
    return [PromptReader("a", Tokenizer(file), 52), PromptReader("b", Tokenizer(file), 12)]


@pytest.mark.parametrize(
    ("prompts", "zh", "en"),
    [
        ("孤舟，雪山", "", ""),
        ("孤舟" * 30, "从“孤舟", "is too long"),
        ("孤龘舟🌃龘", "龘、🌃", "not in the model's vocabulary"),
        ("a snowy mountain", "只支持中文", "only supports Chinese"),
        ("山:-1", "负数", "negative"),
        ("孤舟，雪山12:30", "12:30", "read as text"),
    ],
)
def test_each_problem_is_reported_once_and_briefly(readers: list[PromptReader], prompts: str, zh: str, en: str) -> None:
    messages = [m for m in check_prompts(read_request({"prompts": prompts}), readers) if zh in m.zh and en in m.en]
    assert len(messages) == bool(zh)
    assert all(len(message.zh) < 100 and len(message.en) < 200 for message in messages)


def test_unknown_characters_are_those_that_no_clip_knows(readers: list[PromptReader], tmp_path: Path) -> None:
    file = tmp_path / "larger.txt"
    file.write_text("\n".join([*PIECES, "龘"]), "utf-8")
    larger = PromptReader("c", Tokenizer(file), 52)
    assert check_prompts(read_request({"prompts": "龘"}), [*readers, larger]) == ()


def test_many_unknown_characters_are_abbreviated(readers: list[PromptReader]) -> None:
    (message,) = check_prompts(read_request({"prompts": "春夏秋冬东南西北金木水火土"}), readers[:1])
    assert message.zh.count("、") == 9
    assert "等" in message.zh


def test_readers_of_installed_clips_need_no_weights() -> None:
    installed = get_installed("danqing_mini", read_settings())
    readers = [load_prompt_reader(clip) for clip in installed.clips]
    (message,) = check_prompts(read_request({"prompts": "Blade Runner"}), readers)
    assert "中文" in message.zh
    assert check_prompts(read_request({"prompts": "孤舟蓑笠翁，独钓寒江雪"}), readers) == ()
    assert check_prompts(read_request({"prompts": "雪⼭，樓閣"}), readers) == ()


def test_a_network_that_reads_english_too_accepts_it_and_names_unknown_words(
    readers: list[PromptReader], tmp_path: Path
) -> None:
    file = tmp_path / "unet_vocab.txt"
    words = [f"word{first}{second}" for first in "abcdefghij" for second in "abcdefghij"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]
    file.write_text("\n".join([*PIECES, *letters, "red", "boat", *words]), "utf-8")
    both = [PromptReader("unet", Tokenizer(file), 64), *readers]
    assert check_prompts(read_request({"prompts": "a red boat"}), both) == ()
    (message,) = check_prompts(read_request({"prompts": "a red zebra"}), both)
    assert "zebra" in message.en
    assert check_prompts(read_request({"prompts": "孤舟，雪山"}), both) == ()


def test_the_reader_of_a_text_conditional_model_needs_no_weights(conditional_home: Path) -> None:
    settings = replace(read_settings(), home=conditional_home)
    reader = load_unet_reader(get_installed("conditional", settings))
    assert reader is not None
    assert (reader.name, reader.context) == ("conditional", 52)
    assert load_unet_reader(replace(get_installed("conditional", settings), paths={})) is None
