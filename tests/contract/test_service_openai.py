"""OpenAI's Python client against the service."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image

from tests.serving import MODEL, QUICK, Serving

SMALL: Any = "64x64"
"""A size that OpenAI's types do not know, as they know only their own."""
OURS = {name: value for name, value in QUICK.items() if name not in ("prompts", "size", "display_rate")}


@pytest.fixture(scope="module")
def client(server: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def picture(data: str | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]


def test_an_image_is_generated(client: openai.OpenAI) -> None:
    reply = client.images.generate(prompt="远山如黛", model=MODEL, size="64x128", extra_body={**OURS, "seed": 7})  # pyright: ignore
    assert (reply.size, reply.output_format, len(reply.data or ())) == ("64x128", "png", 1)
    painted = picture((reply.data or [])[0].b64_json)
    assert (painted.format, painted.size) == ("PNG", (64, 128))
    assert "danqing" in painted.info


def test_two_images_have_consecutive_seeds(client: openai.OpenAI) -> None:
    def generate(n: int, seed: int) -> list[str | None]:
        made = client.images.generate(prompt="远山", n=n, size=SMALL, extra_body={**OURS, "seed": seed})  # pyright: ignore
        return [image.b64_json for image in made.data or ()]

    both = generate(2, 7)
    assert len(both) == 2
    assert picture(both[0]).tobytes() != picture(both[1]).tobytes()
    assert picture(generate(1, 8)[0]).tobytes() == picture(both[1]).tobytes()


@pytest.mark.parametrize(("kind", "name"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_jpeg_and_webp_are_returned(client: openai.OpenAI, kind: Any, name: str) -> None:
    reply = client.images.generate(
        prompt="远山", size=SMALL, output_format=kind, output_compression=50, extra_body=OURS
    )
    assert picture((reply.data or [])[0].b64_json).format == name


def test_a_url_is_returned_instead_of_bytes(client: openai.OpenAI, server: Serving) -> None:
    reply = client.images.generate(prompt="远山", size=SMALL, response_format="url", extra_body=OURS)
    url = (reply.data or [])[0].url
    assert url is not None
    with server.client() as plain:
        assert plain.get(url).headers["Content-Type"] == "image/png"


def test_a_stream_has_two_partial_images(client: openai.OpenAI) -> None:
    events = list(client.images.generate(prompt="远山", size=SMALL, stream=True, partial_images=2, extra_body=OURS))  # pyright: ignore
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert [getattr(event, "partial_image_index", None) for event in events] == [0, 1, None]
    assert {picture(event.b64_json).size for event in events} == {(64, 64)}
    last = events[-1]
    assert last.type == "image_generation.completed"
    assert (last.usage.total_tokens, last.size, last.output_format) == (2, "64x64", "png")


def test_two_images_are_streamed(client: openai.OpenAI) -> None:
    events = list(
        client.images.generate(prompt="远山", size=SMALL, n=2, stream=True, partial_images=1, extra_body=OURS)
    )
    assert [event.type.rpartition(".")[2] for event in events] == ["partial_image", "completed"] * 2


def test_errors_are_exceptions_of_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.images.generate(prompt="远山", size="100x100")  # pyright: ignore
    assert (caught.value.param, caught.value.code, caught.value.type) == (
        "size",
        "invalid_value",
        "invalid_request_error",
    )
    with pytest.raises(openai.NotFoundError) as missing:
        client.images.generate(prompt="远山", model="no-such-model")
    assert missing.value.code == "model_not_found"
