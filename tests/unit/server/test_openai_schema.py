"""OpenAI's words and ours, side by side."""

import pytest

from danqing.errors import InvalidRequest
from danqing.server.openai_schema import parse_images_request, with_previews


def test_their_words_become_ours() -> None:
    values = {
        "prompt": "远山",
        "model": "danqing_mini",
        "n": 2,
        "size": "64x128",
        "style": "水墨画",
        "seed": 7,
        "user": None,
    }
    wish, request = parse_images_request(values, allow_urls=False)
    assert (wish.n, wish.output_format, wish.stream) == (2, "png", False)
    assert request.model_fields_set == {"prompts", "model", "n_batches", "size", "style", "seed"}
    assert (request.prompts, request.n_batches, request.size) == (("远山",), 2, (64, 128))


def test_auto_leaves_the_size_to_the_model() -> None:
    assert "size" not in parse_images_request({"prompt": "远山"}, allow_urls=False)[1].model_fields_set


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
        ({"prompt": "a", "background": "transparent"}, "background"),
        ({"prompt": "a", "response_format": "url", "output_format": "jpeg"}, "output_format"),
        ({"prompt": "a", "prompts": ["b"]}, "prompts"),
        ({"prompt": "a", "n_batches": 2}, "n_batches"),
        ({"prompt": "a", "device": "cpu"}, "device"),
        ({"prompt": "a", "stpes": 5}, "stpes"),
        ({"prompt": "a", "steps": "many"}, "steps"),
    ],
)
def test_what_is_refused(values: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_images_request(values, allow_urls=False)
    assert caught.value.field == field


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
def test_previews_come_as_often_as_partial_images_need(more: dict[str, object], rate: int) -> None:
    wish, request = parse_images_request({"prompt": "a", **more}, allow_urls=False)
    assert with_previews(request, wish, 30).display_rate == rate
