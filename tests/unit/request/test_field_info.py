"""Fields in words: texts that read back as the same value, choices, and ranges."""

import pytest

from danqing.i18n import Text
from danqing.request import Request, read_request
from danqing.request.field_info import GROUPS, choices, english_choices, field_info, is_schedule, range_of, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((0.1, 0.5), "0.1,0.5"),
        ((256, 128), "256x128"),
        (("gif", "mp4"), "gif,mp4"),
        ((), ""),
        (True, "true"),
        (None, ""),
        (1.0, "1"),
        (100000000.0, "100000000"),
        (0.1234567, "0.1234567"),
        (7, "7"),
    ],
)
def test_texts(value: object, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize("eta", [0, 0.8, 1 / 3, 1e-7, 0.1234567])
def test_a_number_keeps_all_its_digits(eta: float) -> None:
    asked = read_request({"prompts": "雪", "eta": eta})
    assert read_request({"prompts": "雪", "eta": to_text(asked.eta)}).eta == asked.eta


def test_choices_and_ranges() -> None:
    assert choices("sampler") == ("ddim", "plms", "dpmpp_2m")
    assert choices("save") == ("previews", "gif", "webp", "mp4", "sheet", "steps")
    assert choices("steps") == choices("artist") == ()
    assert range_of("sampler") == Text("ddim / plms / dpmpp_2m", "ddim / plms / dpmpp_2m")
    assert range_of("steps") == Text("2–1000", "2–1000")
    assert range_of("seed") == Text("0–2^63-1", "0–2^63-1")
    assert range_of("cut_icgray_p") == Text("0–1", "0–1")
    assert range_of("artist") == Text("", "")


def test_english_help_lists_the_english_names_of_choices() -> None:
    assert range_of("seal_style") == Text("朱文 / 白文", "red / white")
    assert english_choices("format")[0] == "hanging-scroll"
    for name in Request.model_fields:
        for choice, english in zip(choices(name), english_choices(name), strict=True):
            assert english.isascii()
            if name not in ("save",):
                assert getattr(read_request({"prompts": "雪", name: english}), name) == type_of(name, choice)


def type_of(name: str, choice: str) -> object:
    """Return a choice as the value of a field; some are numbers."""
    return int(choice) if isinstance(Request.model_fields[name].default, int) and choice.isdecimal() else choice


def test_every_group_has_a_name_in_english() -> None:
    assert {field_info(name)["group"] for name in Request.model_fields} == set(GROUPS)


def test_an_optional_schedule_is_a_schedule_with_its_range() -> None:
    assert is_schedule("guidance_scale")
    assert is_schedule("clip_guidance_scale")
    assert range_of("guidance_scale") == Text("0–100", "0–100")
    assert not any(map(is_schedule, ("seed", "memory", "guide_through", "prompts")))
