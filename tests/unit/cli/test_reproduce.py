"""The command line that reproduces a request: quoted, short and exact."""

import shlex
from collections.abc import Callable, Mapping

import pytest

from danqing.cli.reproduce import format_command
from danqing.request import Request, read_request


def with_defaults(defaults: Mapping[str, object]) -> Callable[[Mapping[str, object]], Request]:
    return lambda options: read_request({**defaults, **options})


PROMPTS = ("孤舟", 'it\'s $HOME `x` "y"\n', "-5 degrees", "a b", "*?[x]")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_sentences_are_quoted(prompt: str) -> None:
    words = shlex.split(format_command(read_request({"prompts": prompt, "seed": 1}), with_defaults({})))
    assert prompt in words
    if prompt.startswith("-"):
        assert words[-2:] == ["--", prompt]


def test_only_differences_are_written() -> None:
    request = read_request({"prompts": ["山：2", "水"], "seed": 1, "steps": 50, "clamp_grad": False, "model": "m"})

    command = format_command(request, with_defaults({"steps": 50}))
    assert command == "danqing draw '山：2' '水' --seed 1 --no-clamp-grad --model m"
    assert "--steps 50" in format_command(request, with_defaults({}))
    assert "--style ''" in format_command(request, with_defaults({"style": "水墨画"}))


def test_values_that_follow_from_others_are_left_out() -> None:
    def complete(options: Mapping[str, object]) -> Request:
        request = read_request(options)
        return request.with_defaults({"upscale": 1 if "size" in options else 4, "size": (512, 512)})

    small = complete({"prompts": "雪", "seed": 1, "model": "m", "size": "64x64"})
    assert format_command(small, complete) == "danqing draw '雪' --size 64x64 --seed 1 --model m"
    usual = complete({"prompts": "雪", "seed": 1, "model": "m"})
    assert format_command(usual, complete) == "danqing draw '雪' --seed 1 --model m"


def test_every_kind_of_value() -> None:
    request = read_request(
        {
            "prompts": "雪",
            "seed": 0,
            "size": "128x64",
            "symmetry_at": [0.1, 0.25],
            "save": ["gif", "mp4"],
            "cut_icgray_p": "[0.5]*1000",
            "eta": 0.25,
            "perlin_init": True,
        }
    )
    words = shlex.split(format_command(request, with_defaults({})))
    for option, text in {
        "--seed": "0",
        "--size": "128x64",
        "--symmetry-at": "0.1,0.25",
        "--save": "gif,mp4",
        "--cut-icgray-p": "[0.5]*1000",
        "--eta": "0.25",
    }.items():
        assert words[words.index(option) + 1] == text
    assert "--perlin-init" in words


def test_every_clip_is_an_option_of_its_own() -> None:
    request = read_request({"prompts": "雪", "seed": 1, "model": "m", "clip": ["a", "b:[1]*400+[0]*600"]})
    assert format_command(request, with_defaults({})) == (
        "danqing draw '雪' --seed 1 --clip a --clip 'b:[1]*400+[0]*600' --model m"
    )
    none = read_request({"prompts": "雪", "seed": 1, "model": "m", "clip": []})
    assert shlex.split(format_command(none, with_defaults({"clip": ["a"]})))[5:7] == ["--clip", ""]
