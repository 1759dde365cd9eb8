"""The options: one for each field, explained in both languages, read back as they were written."""

import pytest

from danqing.cli.config import default_request
from danqing.cli.options import help_text, option_name, parse_value
from danqing.i18n import Language
from danqing.request import Request, read_request
from danqing.request.field_info import to_text
from danqing.settings import read_settings
from tests.unit.cli.conftest import Command, Painter

FIELDS = [name for name in Request.model_fields if name != "prompts"]


def test_every_field_is_an_option_with_help(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        monkeypatch.setenv("DANQING_LANGUAGE", language)
        shown = danqing("draw", "--help").out
        for name in FIELDS:
            text = help_text(name, default_request(read_settings()))
            assert option_name(name) in shown
            assert text.in_language(language) in shown.replace("\n", "")


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("steps", "2–1000 步；默认 250", "2–1000 steps; default 250"),
        ("size", "像素；默认 1280x768", "px; default 1280x768"),
        ("sampler", "ddim / plms / dpmpp_2m；默认 ddim", "ddim / plms / dpmpp_2m; default ddim"),
        ("cut_overview", "默认 [12]*400+[4]*600", "default [12]*400+[4]*600"),
        ("save", "默认 previews,gif,sheet", "default previews,gif,sheet"),
        ("eta", "0–10；默认 0.8", "0–10; default 0.8"),
    ],
)
def test_help_has_range_unit_and_default(name: str, zh: str, en: str) -> None:
    assert zh in help_text(name).zh
    assert en in help_text(name).en


def test_hyphens_underscores_and_flags(danqing: Command, painter: Painter) -> None:
    given = [
        "--clip_guidance_scale",
        "5",
        "--tv-scale=[3]*1000",
        "--no-clamp-grad",
        "--perlin_init",
        "--save",
        "gif,webp",
    ]

    assert danqing("draw", "雪", "--size", "64x64", *given).code == 0

    assert painter.requests == [
        read_request(
            {
                "prompts": "雪",
                "size": "64x64",
                "clip_guidance_scale": 5,
                "tv_scale": "[3]*1000",
                "clamp_grad": False,
                "perlin_init": True,
                "save": ["gif", "webp"],
            }
        )
    ]
    assert painter.requests[0].model_fields_set == {
        "prompts", "size", "clip_guidance_scale", "tv_scale", "clamp_grad", "perlin_init", "save",
    }  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_defaults_survive_being_written_and_read(name: str) -> None:
    default = Request.model_fields[name].default
    again = read_request({"prompts": "雪", name: parse_value(name, to_text(default))})
    if name != "batch_name":
        assert getattr(again, name) == default


def test_lists_and_nothing() -> None:
    assert parse_value("save", "gif，webp mp4") == ["gif", "webp", "mp4"]
    assert parse_value("save", "") == []
    assert parse_value("style", "") is None
    assert parse_value("batch_name", "") == ""


def test_an_assignment_needs_a_value(danqing: Command, painter: Painter) -> None:
    answer = danqing("draw", "雪", "--set", "steps")
    assert (answer.code, answer.out) == (2, "")
    assert "--set steps=50" in answer.err
    assert painter.requests == []


def test_options_count_more_than_assignments(danqing: Command, painter: Painter) -> None:
    danqing("draw", "雪", "--set", "size=64x64", "--set", "steps=8", "--set", "tv-scale=3", "--steps", "6")
    assert (painter.requests[0].steps, str(painter.requests[0].tv_scale)) == (6, "3")


def test_clips_are_repeated_or_separated_by_commas(danqing: Command, painter: Painter) -> None:
    danqing("draw", "雪", "--clip", "a", "--clip", "b:[1]*400+[0]*600", "--set", "clip=c")
    danqing("draw", "雪", "--set", "clip=a,b:[1,0]*500")
    danqing("draw", "雪", "--clip", "")
    danqing("draw", "雪")
    assert [request.clip for request in painter.requests] == [
        ("a", "b:[1]*400+[0]*600"),
        ("a", "b:[1,0]*500"),
        (),
        (),
    ]
    assert ["clip" in request.model_fields_set for request in painter.requests] == [True, True, True, False]


def test_number_sets_the_number_of_pictures(danqing: Command, painter: Painter) -> None:
    assert danqing("draw", "雪", "-n", "3", "--size", "64x64").code == 0
    assert painter.requests[-1].image_count == 3
    answer = danqing("draw", "雪", "-n", "3", "--batch-size", "2")
    assert (answer.code, "-n 不能与" in answer.err) == (2, True)
