"""OpenAI's Python client changes pictures: edits with masks and several pictures, and variations."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from tests.serving import MODEL, QUICK, Serving

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client deprecates variations
OURS = {name: value for name, value in QUICK.items() if name not in ("prompts", "size", "display_rate", "save")}


@pytest.fixture(scope="module")
def client(server: Serving) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as made:
        yield made


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def noise(seed: int = 1, side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def holed(image: Image.Image) -> Image.Image:
    """The picture with a transparent left half."""
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, image.width // 2, image.height))
    made = image.copy()
    made.putalpha(alpha)
    return made


def picture(data: str | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def right_half(image: Image.Image) -> bytes:
    return image.crop((image.width // 2, 0, image.width, image.height)).tobytes()


def test_two_pictures_and_a_mask_by_alpha_make_two_edits(client: openai.OpenAI) -> None:
    made = client.images.edit(
        image=[png(noise()), png(noise(2))],
        mask=png(holed(noise())),
        prompt="远山",
        n=2,
        extra_body={**OURS, "seed": 7},
    )
    assert (made.size, len(made.data or ())) == ("64x64", 2)
    first, second = (picture(image.b64_json) for image in made.data or ())
    assert right_half(first) == right_half(second) == right_half(noise())
    assert len({first.tobytes(), second.tobytes(), noise().tobytes()}) == 3


def test_transparent_parts_of_the_picture_are_its_mask(client: openai.OpenAI) -> None:
    made = client.images.edit(image=png(holed(noise())), prompt="远山", extra_body=OURS)
    edited = picture((made.data or [])[0].b64_json)
    assert right_half(edited) == right_half(noise())
    assert edited.tobytes() != noise().tobytes()


def test_without_a_mask_all_of_the_picture_changes_by_the_strength(client: openai.OpenAI) -> None:
    def change(**fields: Any) -> float:
        made = client.images.edit(image=png(noise()), prompt="远山", extra_body={**OURS, "seed": 7, **fields})
        edited = picture((made.data or [])[0].b64_json)
        return float(np.abs(np.asarray(edited, int) - np.asarray(noise(), int)).mean())

    assert change(strength=0) == 0 < change(strength=0.2) < change()


def test_an_edit_is_streamed(client: openai.OpenAI) -> None:
    events = list(client.images.edit(image=png(noise()), prompt="远山", stream=True, partial_images=2, extra_body=OURS))
    assert [event.type for event in events] == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]
    assert {picture(event.b64_json).size for event in events} == {(64, 64)}


def test_a_picture_of_a_job_is_edited_by_its_path(server: Serving) -> None:
    with server.client() as plain:
        job = plain.post("/v1/images/edits", files={"image": png(noise())}, data={"prompt": "山", "strength": "0"})
        path = f"/v1/jobs/{job.headers['X-Job-Id']}/pictures/0.png"
        # httpx sends a form of several parts only with a file.
        again = plain.post("/v1/images/edits", files={"image": (None, path)}, data={"prompt": "山", "strength": "0"})
    assert picture(again.json()["data"][0]["b64_json"]).tobytes() == noise().tobytes()


def test_variations_keep_the_stored_prompt(client: openai.OpenAI) -> None:
    painted = client.images.generate(prompt="孤舟", size="64x64", extra_body={**OURS, "artist": "齐白石"})  # pyright: ignore
    source = base64.b64decode((painted.data or [])[0].b64_json or "")
    made = client.images.create_variation(image=source, n=2, extra_body=OURS)  # pyright: ignore
    images = [picture(image.b64_json) for image in made.data or ()]
    assert len({image.tobytes() for image in images}) == 2
    info = Image.open(io.BytesIO(base64.b64decode((made.data or [])[0].b64_json or ""))).info
    assert '"prompts": ["孤舟"]' in info["danqing"]
    assert '"artist": "齐白石"' in info["danqing"]


def test_variations_of_another_picture_resemble_it(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"image": png(noise()), "size": "128x128", "extra_body": OURS}
    made = client.images.create_variation(**fields)  # pyright: ignore
    assert picture((made.data or [])[0].b64_json).size == (128, 128)


@pytest.mark.parametrize(
    ("files", "fields", "status", "param"),
    [
        ({}, {"prompt": "山"}, 422, "image"),
        ({"image": b"no picture"}, {"prompt": "山"}, 422, "init_image"),
        ({"image": png(noise())}, {}, 422, "prompt"),
        ({"image": png(noise())}, {"prompt": "山", "n": "11"}, 422, "n"),
        ({"image": png(noise())}, {"prompt": "山", "colour": "red"}, 422, "colour"),
        ({"image": png(noise()), "mask": png(Image.new("RGB", (64, 64)))}, {"prompt": "山"}, 422, None),
        ({"image": png(noise()), "mask": png(Image.new("RGB", (64, 128)))}, {"prompt": "山"}, 422, None),
        ({"image": png(noise())}, {"prompt": "山", "model": "nothing"}, 404, "model"),
    ],
)
def test_bad_input_is_one_clear_line(
    server: Serving, files: dict[str, bytes], fields: dict[str, str], status: int, param: str | None
) -> None:
    parts: list[tuple[str, Any]] = [(name, ("a.png", data)) for name, data in files.items()]
    parts += [(name, (None, value)) for name, value in {**fields, "steps": "4"}.items()]
    with server.client() as plain:
        reply = plain.post("/v1/images/edits", files=parts)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (status, param), error
    assert "\n" not in error["message"]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"", 415),
        ("multipart/form-data; boundary=x", b"no form", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=image\r\n\r\ncut off", 422),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=n\r\n\r\n1\r\n" * 200, 413),
    ],
)
def test_damaged_forms_are_rejected(server: Serving, content_type: str, body: bytes, status: int) -> None:
    with server.client() as plain:
        reply = plain.post("/v1/images/variations", content=body, headers={"Content-Type": content_type})
    assert reply.status_code == status, reply.text
    assert isinstance(reply, httpx.Response)


def test_the_models_of_openai_select_the_default(client: openai.OpenAI) -> None:
    made = client.images.edit(image=png(noise()), prompt="山", model="gpt-image-1", extra_body={**OURS, "strength": 0})
    assert picture((made.data or [])[0].b64_json).tobytes() == noise().tobytes()
    assert MODEL in {model.id for model in client.models.list()}
