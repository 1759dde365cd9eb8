"""AUTOMATIC1111's fields and the equivalent request."""

from typing import Any

import pytest

from danqing.prompt import parse_prompts
from danqing.server.a1111_schema import Img2ImgRequest, Txt2ImgRequest


@pytest.mark.parametrize(
    "negative",
    ["行人", "score_4", "２０２４", "blurry:0.5", "丑：1 模糊", "(worst quality:2), lowres", "a\\", "½", "a, b,"],
)
def test_the_negative_prompt_is_one_prompt_with_a_negative_weight(negative: str) -> None:
    request = Txt2ImgRequest(prompt="远山", negative_prompt=negative).to_request("danqing_mini")
    positive, other = parse_prompts(request.prompts)
    assert (positive.text, positive.weight.max) == ("远山", 1)
    assert (other.text, other.weight.max) == (negative, -0.5)


def test_null_counts_as_not_given() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("styles", "seed", "override_settings", "negative_prompt", "mask_blur", "steps")
    )
    body = Img2ImgRequest.model_validate({"prompt": "远山", "init_images": ["a" * 100], **nothing})
    assert body.to_request("danqing_mini").seed is None


def test_switches_without_effect_are_reported() -> None:
    values = {"prompt": "远山", "enable_hr": True, "tiling": False, "do_not_save_grid": True, "hr_scale": 2, "eta": 1.0}
    (notice,) = Txt2ImgRequest.model_validate(values).notices()
    assert notice.en == "Parameters without effect: enable_hr, hr_scale."


def test_a_missing_side_is_that_of_automatic1111() -> None:
    body = Txt2ImgRequest(prompt="远山", width=768)
    assert body.to_request("danqing_mini").size == (768, 512)
    assert body.notices() == []
    assert "size" not in Txt2ImgRequest(prompt="远山").to_request("danqing_mini").model_fields_set
