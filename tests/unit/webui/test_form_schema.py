"""The studio's controls: one for every field, in both languages, with what each model does by itself."""

from typing import get_args

import pytest

from danqing.request import Quality, Request, read_request
from danqing.settings import read_settings
from danqing.webui.form_schema import form_groups, model_choices
from danqing.zoo.catalog import MINI, models

CONTROLS = {control.name: control for group in form_groups(()) for control in group.controls}


def test_every_field_has_a_control_but_the_hidden_ones() -> None:
    assert set(CONTROLS) == set(Request.model_fields)
    shown = {control.name for group in form_groups(("device", "dtype", "memory")) for control in group.controls}
    assert shown == set(Request.model_fields) - {"device", "dtype", "memory"}


def test_groups_and_controls_speak_both_languages() -> None:
    for group in form_groups(()):
        assert group.zh != group.en
        for control in group.controls:
            assert control.zh
            assert control.en.isascii() or control.name in ("style", "artist")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("prompts", "lines"),
        ("init_image", "picture"),
        ("size", "size"),
        ("sampler", "choice"),
        ("save", "several"),
        ("perlin_init", "switch"),
        ("cut_overview", "schedule"),
        ("steps", "number"),
        ("seed", "number"),
        ("symmetry_at", "list"),
        ("clip", "text"),
        ("artist", "text"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert CONTROLS[name].kind == kind


def test_a_control_says_what_it_takes() -> None:
    steps, sampler = CONTROLS["steps"], CONTROLS["sampler"]
    assert (steps.range, steps.unit_zh, steps.unit_en, steps.default) == ("2–1000", "步", "steps", "250")
    assert sampler.choices == ("ddim", "plms", "dpmpp_2m")
    assert CONTROLS["cut_overview"].default == "[12]*400+[4]*600"
    assert CONTROLS["prompts"].default == ""


def test_a_model_says_what_it_fills_in_at_each_quality() -> None:
    mini = next(painter for painter in model_choices(read_settings()) if painter.name == MINI)
    spec = models()[MINI]
    assert set(mini.defaults) == set(get_args(Quality))
    for quality, texts in mini.defaults.items():
        asked = read_request({"prompts": "山", "quality": quality})
        usual = asked.with_defaults(spec.defaults_for(asked))
        again = read_request({**texts, "prompts": "山", "quality": quality})
        assert {name: getattr(again, name) for name in texts} == {name: getattr(usual, name) for name in texts}
    assert mini.defaults["draft"]["steps"] != mini.defaults["standard"]["steps"]


def test_only_models_that_are_here_and_paint_are_offered() -> None:
    assert [painter.name for painter in model_choices(read_settings())] == [MINI]
