"""PaddleHub's route over HTTP, called by the client of the original README."""

import base64
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.contract.test_paddlehub import QUICK, Careful
from tests.serving import MODEL, Serving

CLIENT = Path(__file__).parent / "paddlehub_client.py"


def ask(server: Serving, **values: object) -> dict[str, str]:
    headers = {"Content-type": "application/json"}
    url = f"{server.url}/predict/{MODEL}"
    reply = requests.post(url, headers=headers, data=json.dumps({**QUICK, **values}), timeout=300)
    assert reply.status_code == 200
    return reply.json()


@pytest.fixture(scope="module")
def answer(server: Serving) -> dict[str, str]:
    return ask(
        server, text_prompts="孤舟蓑笠翁，独钓寒江雪。", n_batches=2, seed=7, artist="齐白石", width_height=[64, 64]
    )


def documents(answer: dict[str, str]) -> Any:
    from docarray import DocumentArray  # pyright: ignore[reportMissingTypeStubs]

    assert answer["status"] == "000", answer["msg"]
    return DocumentArray.from_base64(answer["results"])  # pyright: ignore


def test_the_response_has_the_format_of_the_original(answer: dict[str, str]) -> None:
    assert set(answer) == {"status", "msg", "results"}
    found = documents(answer)
    assert [document.tags["seed"] for document in found] == [7, 8]
    assert found[0].tags["artist"] == "齐白石"
    assert [chunk.tags["cur_t"] for chunk in found[0].chunks] == [5, 2, -1]
    picture = Image.open(io.BytesIO(base64.b64decode(found[0].uri.partition(",")[2])))
    assert picture.size == (64, 64)


def test_the_pickle_refers_only_to_docarray(answer: dict[str, str]) -> None:
    Careful(io.BytesIO(base64.b64decode(answer["results"]))).load()
    assert pickle.DEFAULT_PROTOCOL >= 4


def test_the_same_seed_gives_the_same_picture(server: Serving, answer: dict[str, str]) -> None:
    again = ask(server, text_prompts="孤舟蓑笠翁，独钓寒江雪。", seed=8, artist="齐白石")
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(document.uri.partition(",")[2])))
        for document in (documents(again)[0], documents(answer)[1])
    ]
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_changed_parameters_are_reported(server: Serving) -> None:
    answer = ask(server, text_prompts="远山", width_height=[100, 64], steps=2)
    assert "64x64" in answer["msg"]


def test_the_client_of_the_original_readme_works(server: Serving, tmp_path: Path) -> None:
    """The README's snippet, character by character but for the port and the size of the picture."""
    code = CLIENT.read_text("utf-8").replace("127.0.0.1:8866", f"127.0.0.1:{server.port}")
    code = code.replace("data = {", f"data = {{**{QUICK!r}, ", 1)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=300)
    with Image.open(tmp_path / "disco_diffusion_cnclip_vitb16_out-result.gif") as film:
        assert getattr(film, "n_frames", 1) == 3
