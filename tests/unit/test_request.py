"""The request: defaults of the contract, ranges, and errors that help."""

import json
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest, ScheduleError
from danqing.request import Request, nearest_sizes, read_request
from danqing.request.labels import field_label
from danqing.schedule import Schedule


def test_defaults_are_those_of_the_original_method() -> None:
    request = read_request({"prompts": "山"})
    assert request.size == (1280, 768)
    assert (request.steps, request.skip_steps, request.eta, request.sampler) == (250, 0, 0.8, "ddim")
    assert [str(s) for s in (request.clip_guidance_scale, request.tv_scale, request.range_scale, request.sat_scale)] == [
        "5000", "0", "0", "0",
    ]  # fmt: skip
    assert (str(request.cut_overview), str(request.cut_innercut)) == ("[12]*400+[4]*600", "[4]*400+[12]*600")
    assert (str(request.cut_icgray_p), str(request.cutn_batches)) == ("[0.2]*400+[0]*600", "4")
    assert (str(request.init_scale), str(request.clamp_max), str(request.cut_ic_pow)) == ("1000", "0.05", "1")
    assert (request.display_rate, request.n_batches, request.batch_size, request.rand_mag) == (10, 1, 1, 0.05)


def test_every_field_has_help_in_both_languages() -> None:
    for name, field in Request.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        assert extra["zh"], name
        assert extra["en"], name
        assert field.description == extra["en"]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, "prompts", "必填"),
        ({"prompts": ""}, "prompts", "没有画题"),
        ({"prompts": 3}, "prompts", "列表"),
        ({"prompts": ["山"] * 21}, "prompts", "最多 20"),
        ({"prompts": "山", "size": "100x70"}, "size", "64x64, 128x128"),
        ({"prompts": "山", "size": (1280, 800)}, "size", "1280x768, 1280x832"),
        ({"prompts": "山", "size": "big"}, "size", "宽x高"),
        ({"prompts": "山", "size": [64, True]}, "size", "两个整数"),
        ({"prompts": "山", "steps": 0}, "steps", "不能小于 2"),
        ({"prompts": "山", "steps": 2.5}, "steps", "整数"),
        ({"prompts": "山", "eta": float("nan")}, "eta", "有限"),
        ({"prompts": "山", "seed": -1}, "seed", "不能小于 0"),
        ({"prompts": "山", "sampler": "euler"}, "sampler", "只能是"),
        ({"prompts": "山", "steps": 10, "skip_steps": 10}, "skip_steps", "小于总步数"),
        ({"prompts": "山", "cut_overview": "[1.5]*1000"}, "cut_overview", "整数"),
        ({"prompts": "山", "cut_icgray_p": 2}, "cut_icgray_p", "0 到 1"),
        ({"prompts": "山", "clamp_max": {"a": 1}}, "clamp_max", "一个数"),
        ({"prompts": "山", "setps": 3}, "setps", "是不是 steps"),
        ({"prompts": "山", "text_prompts": "水"}, "text_prompts", "是不是 prompts"),
        ({"prompts": "山", "zzzzzz": 1}, "zzzzzz", "--help"),
        ({"prompts": ["山:1", "水:-1"]}, "prompts", "接近 0"),
    ],
)
def test_bad_values_name_the_field_and_what_would_be_right(values: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request(values)
    assert caught.value.field == field
    assert words in caught.value.zh
    assert caught.value.en


def test_every_field_has_a_label_for_messages() -> None:
    assert all(field_label(name).zh != name for name in Request.model_fields)


def test_messages_name_fields_in_the_language_of_the_message() -> None:
    for values in ({"steps": 0}, {"sampler": "euler"}, {"cut_icgray_p": 2}, {"clip": ["a"] * 9}, {"skip_steps": 1000}):
        with pytest.raises(InvalidRequest) as caught:
            read_request({"prompts": "山", **values})
        assert not any(name in caught.value.zh for name in ("steps", "sampler ", "cut_", " or ", "should"))
        assert caught.value.en.isascii()


def test_values_in_messages_are_short() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"prompts": "山", "quality": "q" * 1_000_000})
    assert len(caught.value.zh) < 150


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("steps", "２５", 25),
        ("eta", "０．５", 0.5),
        ("size", "１２８×６４", (128, 64)),
        ("size", "128 ， 64", (128, 64)),
        ("memory", "６ＧＢ", 6.0),
        ("tv_scale", "［１］＊４００＋［０］＊６００", "[1]*400+[0]*600"),
        ("seed", "٤٢", 42),
        ("perlin_mode", "mix", "mixed"),
        ("init_image", Path("a") / "b.png", str(Path("a") / "b.png")),
        ("save", ["gif"] * 1000, ("gif",)),
        ("save", "gif，webp gif", ("gif", "webp")),
        ("save", "", ()),
        ("symmetry_at", "0.1, 0.5", (0.1, 0.5)),
    ],
)
def test_spellings_that_are_accepted(field: str, text: object, value: object) -> None:
    request = read_request({"prompts": "山", field: text})
    found = getattr(request, field)
    assert (str(found) if isinstance(found, Schedule) else found) == value


def test_a_bad_schedule_names_field_and_column() -> None:
    with pytest.raises(ScheduleError) as caught:
        read_request({"prompts": "山", "cut_innercut": "[4]*400+[12]*600)"})
    assert (caught.value.field, caught.value.column) == ("cut_innercut", 17)


def test_guidance_scalars_take_a_number_or_a_schedule() -> None:
    request = read_request(
        {"prompts": "山", "clip_guidance_scale": "[9000]*500+[3000]*500", "use_secondary": True, "clamp_max": 0.1}
    )
    assert request.clip_guidance_scale.at(499) == 9000
    assert request.clip_guidance_scale.at(500) == 3000
    assert (request.use_secondary.at(7), request.clamp_max.at(7)) == (1, 0.1)


def test_a_request_survives_json() -> None:
    request = read_request({"prompts": ["山:2", "水"], "size": "128×64", "cut_overview": [3] * 1000, "seed": 0})
    again = Request.model_validate(json.loads(request.model_dump_json()))
    assert again == request
    assert read_request(request.to_dict()) == request


def test_a_model_fills_only_what_was_not_said() -> None:
    request = read_request({"prompts": "山", "steps": 30}).with_defaults({"steps": 10, "size": (64, 64)})
    assert (request.steps, request.size) == (30, (64, 64))


def test_changed_checks_again() -> None:
    request = read_request({"prompts": "山", "steps": 30})
    assert request.with_changes(seed=8).seed == 8
    assert request.with_changes(seed=8).steps == 30
    with pytest.raises(InvalidRequest):
        request.with_changes(steps=1)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [((63, 10), ((64, 64), (64, 64))), ((100, 70), ((64, 64), (128, 128))), ((640, 641), ((640, 640), (640, 704)))],
)
def test_nearest_sizes(size: tuple[int, int], nearest: object) -> None:
    assert nearest_sizes(*size) == nearest


def test_the_canvas_is_the_size_before_enlarging() -> None:
    request = read_request({"prompts": "山", "size": "512x768", "upscale": "4"})
    assert (request.upscale, request.size, request.canvas) == (4, (512, 768), (128, 192))
    assert read_request({"prompts": "山"}).canvas == (1280, 768)


@pytest.mark.parametrize(("size", "upscale", "words"), [("640x512", 4, "512x512、768x512"), ("64x128", 2, "128x128")])
def test_a_size_that_enlarging_cannot_reach_names_the_nearest(size: str, upscale: int, words: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_request({"prompts": "山", "size": size, "upscale": upscale})
    assert error.value.field == "size"
    assert words in error.value.zh
    assert words.replace("、", ", ") in error.value.en


@pytest.mark.parametrize("value", [3, 8, "5x", "big", True and 1.5, -4])
def test_other_factors_are_rejected(value: object) -> None:
    with pytest.raises(InvalidRequest, match="放大倍数只能是 1、2、4"):
        read_request({"prompts": "山", "upscale": value})


def test_skipped_steps_are_compared_with_the_steps_of_the_model() -> None:
    request = read_request({"prompts": "山", "skip_steps": 300})
    assert request.with_defaults({"steps": 400}).skip_steps == 300
    for defaults, steps in (({"steps": 45}, 45), ({}, 250)):
        with pytest.raises(InvalidRequest, match=rf"smaller than the number of steps \({steps}\)") as caught:
            request.with_defaults(defaults)
        assert caught.value.field == "skip_steps"


@pytest.mark.parametrize("blank", ["", " ", "\u3000\n"])
def test_a_blank_picture_is_none(blank: str) -> None:
    request = read_request(
        {"prompts": "山", "init_image": blank, "mask": blank, "seal": blank, "like": [blank, "a.png"]}
    )
    assert (request.init_image, request.mask, request.seal, request.like) == (None, None, None, ("a.png",))


@pytest.mark.parametrize(("value", "shown"), [(None, "null"), (True, "true")])
def test_a_message_shows_a_value_as_it_is_in_a_request(value: object, shown: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"prompts": "山", "sampler": value})
    assert f"(given: {shown})" in caught.value.en
