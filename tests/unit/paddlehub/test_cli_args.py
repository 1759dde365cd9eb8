"""The original's spelling of parameters on a command line."""

import pytest

from danqing.errors import InvalidRequest
from danqing.paddlehub.cli_args import read_options


def test_several_prompts_in_every_spelling() -> None:
    wanted = {"text_prompts": ("孤舟", "远山:0.5")}
    assert read_options(["--text_prompts", "孤舟", "远山:0.5"]) == wanted
    assert read_options(["--text_prompts", "孤舟", "--text_prompts", "远山:0.5"]) == wanted
    assert read_options(["--text_prompts", "['孤舟', '远山:0.5']"]) == wanted
    assert read_options(["--text_prompts", '["孤舟", "远山:0.5"]']) == wanted
    assert read_options(["--text-prompts=孤舟", "--text-prompts=远山:0.5"]) == wanted


@pytest.mark.parametrize("prompt", ["[孤舟] 远山", "[孤舟", "[" * 3000])
def test_a_sentence_may_begin_with_a_bracket(prompt: str) -> None:
    assert read_options(["--text_prompts", prompt]) == {"text_prompts": (prompt,)}


@pytest.mark.parametrize("size", ["[1280, 768]", "(1280,768)", "1280 768", "1280x768", "1280×768", "1280，768"])
def test_every_spelling_of_a_size(size: str) -> None:
    assert read_options(["--width_height", size]) == {"width_height": (1280, 768)}


def test_a_size_may_be_two_words() -> None:
    assert read_options(["--width_height", "1280", "768", "--steps", "5"]) == {"width_height": (1280, 768), "steps": 5}


@pytest.mark.parametrize("word", ["False", "false", "0", "no", "否", "FALSE"])
def test_every_spelling_of_no(word: str) -> None:
    assert read_options(["--clamp_grad", word]) == {"clamp_grad": False}


@pytest.mark.parametrize("words", [["True"], ["1"], ["yes"], ["是"], []])
def test_every_spelling_of_yes(words: list[str]) -> None:
    assert read_options(["--perlin_init", *words]) == {"perlin_init": True}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--steps", "50"], 50),
        (["--eta", "0.5"], 0.5),
        (["--tv_scale", "-1"], -1),
        (["--seed", "None"], None),
        (["--style", "None"], None),
        (["--cutn_batches", "[4]*500+[2]*500"], "[4]*500+[2]*500"),
        (["--cut_overview", "[12]*400 + [4]*600"], "[12]*400 + [4]*600"),
        (["--output_dir", "my", "pictures"], "my pictures"),
        (["--batch_name="], ""),
    ],
)
def test_values_have_their_types(words: list[str], value: object) -> None:
    assert next(iter(read_options(words).values())) == value


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["孤舟"], "text_prompts"),
        (["--clamp_grad", "maybe"], "clamp_grad"),
        (["--steps", "many"], "steps"),
        (["--steps", "2.5"], "steps"),
        (["--steps"], "steps"),
        (["--text_prompts"], "text_prompts"),
        (["--width_height", "1280"], "width_height"),
        (["--width_height", "__import__('os')"], "width_height"),
        (["--stepps", "5"], "steps"),
    ],
)
def test_what_cannot_be_read_is_named(words: list[str], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        read_options(words)
