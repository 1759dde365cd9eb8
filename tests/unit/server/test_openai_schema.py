"""OpenAI's fields and the equivalent request."""

import pytest
from pydantic import ValidationError

from danqing.errors import InvalidRequest
from danqing.request.validation import validation_error
from danqing.server.openai_schema import ImagesRequest, with_previews


def test_openai_fields_are_converted_to_a_request() -> None:
    values = {
        "prompt": "远山",
        "model": "danqing_mini",
        "n": 2,
        "size": "64x128",
        "style": "水墨画",
        "seed": 7,
        "user": None,
    }
    images = ImagesRequest.model_validate(values)
    request = images.to_request()
    assert (images.n, images.output_format, images.stream) == (2, "png", False)
    assert request.model_fields_set == {"prompts", "model", "n_batches", "size", "style", "seed"}
    assert (request.prompts, request.n_batches, request.size) == (("远山",), 2, (64, 128))


def test_size_auto_uses_the_default_of_the_model() -> None:
    assert "size" not in ImagesRequest(prompt="远山").to_request().model_fields_set


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "a", "n": 0}, "n"),
        ({"prompt": "a", "n": 11}, "n"),
        ({"prompt": "a", "n": "2"}, "n"),
        ({"prompt": "a", "n": True}, "n"),
        ({"prompt": "a", "size": "1024"}, "size"),
        ({"prompt": "a", "size": "100x100"}, "size"),
        ({"prompt": "a", "output_format": "gif"}, "output_format"),
        ({"prompt": "a", "output_compression": 101}, "output_compression"),
        ({"prompt": "a", "partial_images": 4}, "partial_images"),
        ({"prompt": "a", "background": "striped"}, "background"),
        ({"prompt": "a", "response_format": "url", "output_format": "jpeg"}, "output_format"),
        ({"prompt": "a", "prompts": ["b"]}, "prompts"),
        ({"prompt": "a", "n_batches": 2}, "n_batches"),
        ({"prompt": "a", "device": "cpu"}, "device"),
        ({"prompt": "a", "stpes": 5}, "stpes"),
        ({"prompt": "a", "steps": "many"}, "steps"),
    ],
)
def test_an_invalid_field_is_rejected_and_named(values: dict[str, object], field: str) -> None:
    with pytest.raises((ValidationError, InvalidRequest)) as caught:
        ImagesRequest.model_validate(values).to_request()
    error = caught.value
    found = validation_error(error.errors()[0]) if isinstance(error, ValidationError) else error
    assert (found.field or "").partition(".")[0] == field


@pytest.mark.parametrize(
    ("more", "rate"),
    [
        ({}, 10),
        ({"stream": True}, 10),
        ({"stream": True, "partial_images": 2}, 10),
        ({"stream": True, "partial_images": 3}, 7),
        ({"stream": True, "partial_images": 2, "display_rate": 4}, 4),
    ],
)
def test_previews_are_frequent_enough_for_partial_images(more: dict[str, object], rate: int) -> None:
    images = ImagesRequest.model_validate({"prompt": "a", **more})
    assert with_previews(images.to_request(), images, 30).display_rate == rate
