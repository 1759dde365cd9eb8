"""Labels of the files that leave through every door, as exiftool reads them."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from danqing import api
from danqing.provenance.aigc_label import KEYS
from danqing.zoo.catalog import ORIGINAL
from tests.e2e.test_command import MADE_UP, SENTENCE, call, place
from tests.e2e.test_studio import BROWSER, ask, finished, page, save
from tests.serving import MODEL, QUICK, Serving, make_home, serving

__all__ = ["page", "place"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed"),
]


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service that is published by a reverse proxy."""
    home = make_home(tmp_path_factory.mktemp("public"))
    with serving(home, "--name", "paint.example") as service:
        yield service


def labels(folder: Path) -> dict[str, dict[str, str]]:
    """The label of each file in a folder, with its keys in order; exactly one in each."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix in (".png", ".jpg", ".webp", ".gif", ".mp4")]
    done = subprocess.run(["exiftool", "-json", "-G1", *files], capture_output=True, check=True)
    found: dict[str, dict[str, str]] = {}
    for values in json.loads(done.stdout):
        texts: list[Any] = [value for name, value in values.items() if name.lower().endswith(":aigc")]
        assert len(texts) == 1, values
        found[Path(values["SourceFile"]).name] = texts[0] if isinstance(texts[0], dict) else json.loads(texts[0])
        assert values["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert all(tuple(label) == KEYS for label in found.values())
    assert len(found) == len(files)
    return found


def test_the_command(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_PRODUCER", "001191110102MACQD9K64010000")
    call("draw", SENTENCE, *MADE_UP, "--steps", "4", "--seed", "7", "--save", "previews,gif,webp,mp4,sheet")
    folder = next((place / "danqing_out").iterdir())
    found = labels(folder)
    assert set(found) == {"000.png", "000.gif", "000.webp", "000.mp4", "sheet.png"}
    assert {label["ContentProducer"] for label in found.values()} == {"001191110102MACQD9K64010000"}
    assert len({label["ProduceID"] for label in found.values()}) == len(found)
    labels(folder / "000")
    call("label", "check", *[str(folder / name) for name in found])


def test_jobs_openai_and_paddlehub(server: Serving, tmp_path: Path) -> None:
    with server.client() as client:
        where = client.post("/v1/jobs", json={**QUICK, "save": ["gif", "webp", "mp4", "sheet"]}).headers["Location"]
        client.get(f"{where}/events")
        for name in ("pictures/0.png", "pictures/0.gif", "pictures/0.webp", "pictures/0.mp4", "sheet.png"):
            (tmp_path / name.replace("/", "-")).write_bytes(client.get(f"{where}/{name}").content)
        for kind, suffix in (("jpeg", "jpg"), ("webp", "webp")):
            converted = client.get(f"{where}/pictures/0.png", params={"format": kind})
            (tmp_path / f"converted.{suffix}").write_bytes(converted.content)
        for kind in ("png", "jpeg", "webp"):
            body = {"prompt": SENTENCE, "size": "64x64", "steps": 4, "cut_overview": 2, "output_format": kind}
            data = client.post("/v1/images/generations", json=body).json()["data"]
            (tmp_path / f"openai.{kind.replace('jpeg', 'jpg')}").write_bytes(base64.b64decode(data[0]["b64_json"]))
        values = {"text_prompts": [SENTENCE], "width_height": [64, 64], "steps": 4, "cut_overview": 2, "seed": 3}
        reply = client.post(f"/predict/{MODEL}", json=values).json()
        assert reply["status"] == "000", reply["msg"]
    from docarray import DocumentArray  # pyright: ignore

    document: Any = DocumentArray.from_base64(reply["results"])[0]  # pyright: ignore
    (tmp_path / "paddlehub.png").write_bytes(base64.b64decode(document.uri.partition(",")[2]))
    (tmp_path / "paddlehub-preview.png").write_bytes(base64.b64decode(document.chunks[0].uri.partition(",")[2]))

    found = labels(tmp_path)
    assert len(found) == 12
    assert found["converted.jpg"] == found["converted.webp"] == found["pictures-0.png"]
    for kind in ("png", "jpg", "webp"):
        shown = call("runs", "show", str(tmp_path / f"openai.{kind}")).stdout
        assert SENTENCE in shown
        assert "--cut-overview 2" in shown


def test_automatic1111(server: Serving, tmp_path: Path) -> None:
    body = {"prompt": SENTENCE, "width": 64, "height": 64, "steps": 2, "seed": 7}
    with server.client() as client:
        reply = client.post("/sdapi/v1/txt2img", json=body).json()
    (tmp_path / "a1111.png").write_bytes(base64.b64decode(reply["images"][0]))
    assert len(labels(tmp_path)) == 1


def test_python_and_danqing_finish(place: Path) -> None:
    work = api.create(SENTENCE, model=ORIGINAL, size="64x64", steps=2, cut_overview=1, cut_innercut=0, out=None)
    for suffix in ("png", "jpg", "webp"):
        work[0].save(place / f"python.{suffix}")
        call("finish", str(place / f"python.{suffix}"), "--mount", "斗方", "--out", str(place / f"mounted.{suffix}"))
    found = labels(place)
    assert set(found) == {f"{name}.{suffix}" for name in ("python", "mounted") for suffix in ("png", "jpg", "webp")}
    assert found["mounted.png"] == found["python.png"]


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")
def test_downloads_of_the_studio(page: Page, tmp_path: Path) -> None:
    ask(page, seed=7)
    finished(page)
    for kind in ("PNG", "JPEG", "WEBP", "过程 GIF"):
        with page.expect_download() as download:
            save(page, kind)
        suffix = Path(download.value.suggested_filename).suffix.replace("jpeg", "jpg")
        download.value.save_as(tmp_path / f"{kind.removeprefix('过程 ')}{suffix}")
    assert len(labels(tmp_path)) == 4


def test_a_public_service_marks_its_pictures(public: Serving) -> None:
    with public.client() as client:
        where = client.post("/v1/jobs", json={**QUICK, "label": False}).headers["Location"]
        assert client.get(where).json()["request"]["label"] is True
    assert not (public.home / "service" / "unlabelled.jsonl").exists()


def test_an_operator_leaves_the_mark_out_with_a_reason(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with serving(home, "--name", "paint.example", "--no-label", "用户协议第 9 条", painting=False) as service:
        with service.client() as client:
            id = client.post("/v1/jobs", json=QUICK).headers["Location"].rpartition("/")[2]
        lines = (home / "service" / "unlabelled.jsonl").read_text("utf-8").splitlines()
        assert [(json.loads(line)["job"], json.loads(line)["reason"]) for line in lines] == [(id, "用户协议第 9 条")]
        service.wait_for_line("event", "visible_label_off")
