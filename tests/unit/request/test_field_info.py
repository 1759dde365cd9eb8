"""Fields in words: texts that read back as the same value, choices, and ranges."""

import pytest

from danqing.request import Request, read_request
from danqing.request.field_info import GROUPS, choices, field_info, range_of, to_text


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
    assert choices("save") == ("previews", "gif", "webp", "mp4", "sheet")
    assert choices("steps") == choices("artist") == ()
    assert range_of("sampler") == "ddim / plms / dpmpp_2m"
    assert range_of("steps") == "2–1000"
    assert range_of("seed") == "0–2^63-1"
    assert range_of("cut_icgray_p") == "0–1"
    assert range_of("artist") == ""


def test_every_group_has_a_name_in_english() -> None:
    assert {field_info(name)["group"] for name in Request.model_fields} == set(GROUPS)
