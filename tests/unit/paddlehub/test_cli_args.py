"""Command lines of PaddleHub."""

import pytest

from danqing.errors import InvalidRequest
from danqing.paddlehub.cli_args import parse_args
from danqing.paddlehub.parameters import to_request
from danqing.request import Request
from danqing.schedule import parse_schedule


def test_several_prompts_in_every_spelling() -> None:
    wanted = {"text_prompts": ("孤舟", "远山:0.5")}
    assert parse_args(["--text_prompts", "孤舟", "远山:0.5"]) == wanted
    assert parse_args(["--text_prompts", "孤舟", "--text_prompts", "远山:0.5"]) == wanted
    assert parse_args(["--text_prompts", "['孤舟', '远山:0.5']"]) == wanted
    assert parse_args(["--text_prompts", '["孤舟", "远山:0.5"]']) == wanted
    assert parse_args(["--text-prompts=孤舟", "--text-prompts=远山:0.5"]) == wanted


@pytest.mark.parametrize("prompt", ["[孤舟] 远山", "[孤舟", "[" * 3000])
def test_a_sentence_may_begin_with_a_bracket(prompt: str) -> None:
    assert parse_args(["--text_prompts", prompt]) == {"text_prompts": (prompt,)}


def request(*words: str) -> Request:
    return to_request(parse_args(["--text_prompts", "山", *words]))


@pytest.mark.parametrize(
    "size",
    ["[1280, 768]", "(1280,768)", "1280 768", "1280x768", "1280×768", "1280，768", "１２８０＊７６８", "（1280，768）"],
)
def test_every_spelling_of_a_size(size: str) -> None:
    assert request("--width_height", size).size == (1280, 768)


def test_a_size_may_be_two_words() -> None:
    painted = request("--width_height", "1290", "768", "--steps", "5")
    assert (painted.size, painted.steps) == ((1280, 768), 5)


@pytest.mark.parametrize("word", ["False", "false", "0", "no", "否", "FALSE"])
def test_every_spelling_of_no(word: str) -> None:
    assert request("--clamp_grad", word).clamp_grad is False


@pytest.mark.parametrize("words", [["True"], ["1"], ["yes"], ["是"], []])
def test_every_spelling_of_yes(words: list[str]) -> None:
    assert request("--perlin_init", *words).perlin_init is True


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--steps", "50"], "steps", 50),
        (["--steps", "５０"], "steps", 50),
        (["--eta", "0.5"], "eta", 0.5),
        (["--seed", "None"], "seed", None),
        (["--style", "None"], "style", None),
        (["--cutn_batches", "[4]*500+[2]*500"], "cutn_batches", parse_schedule("[4]*500+[2]*500")),
        (["--cut_overview", "[12]*400", "+", "[4]*600"], "cut_overview", parse_schedule("[12]*400+[4]*600")),
        (["--batch_name="], "batch_name", ""),
        (["--use_gpu", "False"], "device", "cpu"),
    ],
)
def test_values_have_their_types(words: list[str], field: str, value: object) -> None:
    assert getattr(request(*words), field) == value


def test_a_text_may_be_several_words() -> None:
    assert parse_args(["--output_dir", "my", "pictures"]) == {"output_dir": "my pictures"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["孤舟"], "text_prompts"),
        (["--clamp_grad", "maybe"], "gradient clamping must be true or false"),
        (["--steps", "many"], "steps must be an integer"),
        (["--steps", "2.5"], "steps must be an integer"),
        (["--tv_scale", "-1"], "smoothness scale"),
        (["--steps"], "steps is missing"),
        (["--text_prompts"], "text_prompts"),
        (["--width_height", "1280"], "Invalid size"),
        (["--width_height", "__import__('os')"], "Invalid size"),
        (["--stepps", "5"], "steps"),
        (["--use_gpu", "maybe"], "use_gpu"),
    ],
)
def test_invalid_values_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        to_request({"text_prompts": "山", **parse_args(words)})
