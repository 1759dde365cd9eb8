"""The routes of AUTOMATIC1111's API, called as its clients do."""

import base64
import io
import json
import threading
from typing import Any

import pytest
import requests
from PIL import Image

from tests.serving import MODEL, QUICK, Serving

BODY: dict[str, Any] = {
    "prompt": "远山如黛",
    "negative_prompt": "行人",
    "seed": 7,
    "steps": 4,
    "width": 64,
    "height": 100,
    "batch_size": 1,
    "n_iter": 2,
    "cfg_scale": 7,
    "sampler_name": "Euler a",
    "restore_faces": False,
    "override_settings": {"sd_model_checkpoint": MODEL},
}
"""What a typical client sends. The tiny model of the tests paints it in seconds."""


def call(server: Serving, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> Any:
    reply = requests.request(method, f"{server.url}/sdapi/v1/{path}", json=body, timeout=300)
    assert reply.status_code == 200, reply.text
    return reply.json()


def picture(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.fixture(scope="module")
def painted(server: Serving) -> Any:
    return call(server, "txt2img", BODY)


def test_txt2img_returns_images_with_their_parameters(painted: Any) -> None:
    assert [picture(image).size for image in painted["images"]] == [(64, 128), (64, 128)]
    info = json.loads(painted["info"])
    assert (info["seed"], info["all_seeds"], info["steps"], info["sd_model_name"]) == (7, [7, 8], 4, MODEL)
    assert "Negative prompt: 行人" in info["infotexts"][0]
    assert painted["parameters"]["prompt"] == "远山如黛"


def test_changed_values_and_unknown_parameters_are_reported(painted: Any) -> None:
    notices = " ".join(notice["en"] for notice in painted["notices"])
    assert "cfg_scale" in notices
    assert "restore_faces" not in notices
    assert "64x100 was changed to 64x128" in notices
    assert "no sampler Euler a" in notices


def test_png_info_returns_the_parameters_of_an_image(server: Serving, painted: Any) -> None:
    found = call(server, "png-info", {"image": f"data:image/png;base64,{painted['images'][1]}"})
    assert found["items"]["parameters"] == found["info"]
    assert "Steps: 4" in found["info"]
    assert found["parameters"]["prompts"] == ["远山如黛", "行人:-0.5"]
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    assert call(server, "png-info", {"image": base64.b64encode(buffer.getvalue()).decode()})["info"] == ""


def test_img2img_starts_from_the_image(server: Serving, painted: Any) -> None:
    body = {**BODY, "n_iter": 1, "init_images": [painted["images"][0]], "denoising_strength": 0.25}
    first, again = (call(server, "img2img", body) for _ in range(2))
    assert first["images"] == again["images"]
    assert first["images"] != painted["images"][:1]
    assert "init_images" not in first["parameters"]


def test_img2img_repaints_only_the_white_part_of_a_mask(server: Serving, painted: Any) -> None:
    mask, buffer = Image.new("L", (64, 128)), io.BytesIO()
    mask.paste(255, (0, 0, 64, 64))
    mask.save(buffer, "PNG")
    body = {**BODY, "height": 128, "n_iter": 1, "init_images": [painted["images"][0]], "denoising_strength": 0.75}
    reply = call(server, "img2img", {**body, "mask": base64.b64encode(buffer.getvalue()).decode()})
    before, after = picture(painted["images"][0]).convert("RGB"), picture(reply["images"][0]).convert("RGB")
    assert before.crop((0, 64, 64, 128)).tobytes() == after.crop((0, 64, 64, 128)).tobytes()
    assert before.tobytes() != after.tobytes()
    assert "mask" not in reply["parameters"]


def test_the_model_is_listed_and_selected(server: Serving) -> None:
    assert [model["model_name"] for model in call(server, "sd-models", method="GET")] == [MODEL]
    assert {sampler["name"] for sampler in call(server, "samplers", method="GET")} == {"DDIM", "PLMS", "DPM++ 2M"}
    assert call(server, "options", {"sd_model_checkpoint": f"{MODEL} [0123abcd]"}) is None
    assert call(server, "options", method="GET")["sd_model_checkpoint"] == MODEL


@pytest.mark.parametrize(
    ("path", "changes", "status"),
    [
        ("txt2img", {"prompt": ""}, 422),
        ("txt2img", {"steps": 0}, 422),
        ("txt2img", {"override_settings": {"sd_model_checkpoint": "nothing"}}, 404),
        ("img2img", {}, 422),
        ("img2img", {"init_images": ["x" * 100]}, 422),
        ("options", {"sd_model_checkpoint": "nothing"}, 404),
        ("png-info", {"image": "!"}, 422),
        ("png-info", {"image": "图片"}, 422),
        ("img2img", {"init_images": ["图片"]}, 422),
    ],
)
def test_errors_have_a_detail(server: Serving, path: str, changes: dict[str, Any], status: int) -> None:
    body = {**BODY, **changes} if path.endswith("2img") else changes
    reply = requests.post(f"{server.url}/sdapi/v1/{path}", json=body, timeout=60)
    assert reply.status_code == status
    assert reply.json()["detail"] == reply.json()["error"]["message"]


def test_progress_is_reported_and_interrupt_cancels_the_job(server: Serving) -> None:
    assert call(server, "progress", method="GET")["state"]["job"] == ""
    replies: list[Any] = []
    body: dict[str, Any] = {**BODY, "steps": QUICK["steps"], "n_iter": 16}
    url = f"{server.url}/sdapi/v1/txt2img"
    painting = threading.Thread(target=lambda: replies.append(requests.post(url, json=body, timeout=120).json()))
    painting.start()
    while (progress := call(server, "progress", method="GET"))["state"]["sampling_step"] < 1:
        assert painting.is_alive()
    assert 0 <= progress["progress"] < 1
    assert progress["state"]["job_count"] == 1
    assert call(server, "interrupt") == {}
    painting.join(60)
    assert replies[0]["error"]["code"] == "cancelled"
