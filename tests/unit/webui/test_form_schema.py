"""The studio's form: a control for every field, in both languages, with the defaults of each model."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from danqing.request import Quality, Request, read_request
from danqing.settings import read_settings
from danqing.webui.form_schema import form_groups, model_choices
from danqing.zoo.catalog import MINI, models
from tests.serving import MODEL, make_home

CONTROLS = {control.name: control for group in form_groups(()) for control in group.controls}


def test_every_field_except_hidden_ones_has_a_control() -> None:
    assert set(CONTROLS) == set(Request.model_fields)
    shown = {control.name for group in form_groups(("device", "dtype", "memory")) for control in group.controls}
    assert shown == set(Request.model_fields) - {"device", "dtype", "memory"}


def test_groups_and_controls_have_both_languages() -> None:
    for group in form_groups(()):
        assert group.zh != group.en
        for control in group.controls:
            assert control.zh
            assert control.en.isascii() or control.name in ("style", "artist", "signature")


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
def test_each_field_has_the_right_kind_of_control(name: str, kind: str) -> None:
    assert CONTROLS[name].kind == kind


def test_a_control_describes_its_valid_values() -> None:
    steps, sampler = CONTROLS["steps"], CONTROLS["sampler"]
    assert (steps.range, steps.unit_zh, steps.unit_en, steps.default) == ("2–1000", "步", "steps", "250")
    assert sampler.choices == sampler.choices_en == ("ddim", "plms", "dpmpp_2m")
    assert CONTROLS["seal_style"].choices == ("朱文", "白文")
    assert CONTROLS["seal_style"].choices_en == ("red", "white")
    assert CONTROLS["cut_overview"].default == "[12]*400+[4]*600"
    assert CONTROLS["prompts"].default == ""


def test_a_model_has_its_defaults_at_each_quality() -> None:
    mini = next(painter for painter in model_choices(read_settings()) if painter.name == MINI)
    spec = models()[MINI]
    assert set(mini.defaults) == set(get_args(Quality))
    for quality, texts in mini.defaults.items():
        asked = read_request({"prompts": "山", "quality": quality})
        usual = asked.with_defaults(spec.defaults_for(asked))
        again = read_request({**texts, "prompts": "山", "quality": quality})
        assert {name: getattr(again, name) for name in texts} == {name: getattr(usual, name) for name in texts}
    assert mini.defaults["draft"]["steps"] != mini.defaults["standard"]["steps"]


def test_only_installed_models_are_offered() -> None:
    assert [painter.name for painter in model_choices(read_settings())] == [MINI]


def test_cards_are_offered_for_the_names_that_a_model_reads(tmp_path: Path) -> None:
    known = next(choice for choice in model_choices(read_settings()) if choice.name == MINI).known
    assert {"水墨画", "齐白石", "Ink wash"} <= set(known)
    home = make_home(tmp_path)
    tiny = next(choice for choice in model_choices(replace(read_settings(), home=home)) if choice.name == MODEL)
    assert "水墨画" in tiny.known
    assert "梵高" not in tiny.known
