"""The same input has the same meaning, or the same error, on the command line, in Python, in PaddleHub's interface, in the
service and in training."""

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image, ImageCms

from danqing import api
from danqing.batch.prompt_file import read_prompt_file
from danqing.cli import main
from danqing.cli.config import read_config
from danqing.client.client import to_data_uri
from danqing.errors import InvalidRequest
from danqing.jobs import RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.paddlehub import Module
from danqing.paddlehub.parameters import PARAMETERS
from danqing.pipeline.canvas import load_canvas
from danqing.request import Request, read_request
from danqing.server import init_image
from danqing.server.api_keys import ApiKeyStore
from danqing.server.app import create_app
from danqing.server.dependencies import ServerContext
from danqing.server.event_stream import JobEventStream
from danqing.server.limits import Limits
from danqing.server.model_registry import ModelRegistry
from danqing.settings import read_settings
from danqing.train.captioned_folder import CaptionedFolder
from danqing.zoo.catalog import MINI
from danqing.zoo.custom_models import load_custom

pytestmark = pytest.mark.slow

HUB_NAMES = {parameter.field: parameter.name for parameter in PARAMETERS if parameter.field}
PADDLEHUB_ONLY = ("text_prompts", "width_height", "use_gpu")

VALUES = [
    ("steps", "５０"),
    ("steps", " 50 "),
    ("steps", "12.5"),
    ("steps", "many"),
    ("steps", "0"),
    ("steps", "9" * 400),
    ("skip_steps", "２"),
    ("seed", "１２３"),
    ("seed", "−1"),
    ("eta", "０．５"),
    ("eta", "nan"),
    ("eta", "-1"),
    ("size", "１２８×６４"),
    ("size", "[128, 64]"),
    ("size", "（128，64）"),
    ("size", "128 64"),
    ("size", "128"),
    ("size", "9" * 200),
    ("perlin_init", "是"),
    ("perlin_init", "TRUE"),
    ("perlin_init", "０"),
    ("perlin_init", "maybe"),
    ("use_secondary", "否"),
    ("use_secondary", "true"),
    ("use_secondary", "2"),
    ("perlin_mode", "mix"),
    ("perlin_mode", "ｇｒａｙ"),
    ("sampler", "plms"),
    ("sampler", "euler"),
    ("cutn_batches", "［２］＊５００＋［１］＊５００"),
    ("cutn_batches", "[2]*400+[1]*500"),
    ("cut_icgray_p", "__import__('os').system('true')"),
    ("tv_scale", "(" * 5000),
    ("clip", "a，a"),
    ("clip", "clip-rn50:"),
]
PROMPTS = [
    "雪山，早上8:05",
    "古城，晚上8：00",
    "Blade Runner: 2049",
    "红色：−0.3",
    "A:-0.5 B:1.0",
    r"foo\:2",
    "远山：［１］＊４００＋［０］＊６００",
    "山:[1]*400",
    " :[*" * 121,
    "　",
    "山" * 2001,
    "山:0",
]


class _SeenError(Exception):
    """Carries the request that a door passes to the pipeline."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class _Pipeline:
    """Stops where painting would begin."""

    def resolve(self, request: Request) -> Request:
        raise _SeenError(request)


@dataclass(frozen=True)
class Doors:
    """Every way to submit a request; each returns it, or raises InvalidRequest or ValueError with the message."""

    client: TestClient
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def python(self, values: Mapping[str, Any]) -> Request:
        return _seen(lambda: api.create(values["prompts"], **{k: v for k, v in values.items() if k != "prompts"}))

    def command(self, values: Mapping[str, Any]) -> Request:
        options = [f"--set={name}={value}" for name, value in values.items() if name != "prompts"]
        return self._command("draw", "--", values["prompts"], options=options)

    def config(self, values: Mapping[str, Any]) -> Request:
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(dict(values), allow_unicode=True), "utf-8")
        return self._command("draw", "--config", str(file))

    def batch(self, values: Mapping[str, Any]) -> Request:
        file = self.folder / "batch.jsonl"
        file.write_text(json.dumps(dict(values)), "utf-8")
        (row,) = read_prompt_file(file).rows
        if row.request is None:
            assert row.error is not None
            raise ValueError(row.error.en)
        return row.request

    def hub(self, values: Mapping[str, Any]) -> Request:
        return _seen(lambda: Module(MINI).paint({HUB_NAMES[name]: value for name, value in values.items()}))

    def hub_command(self, values: Mapping[str, Any]) -> Request:
        return self._command("hub", "run", MINI, *(f"--{HUB_NAMES[n]}={value}" for n, value in values.items()))

    def service(self, values: Mapping[str, Any]) -> Request:
        reply = self.client.post("/v1/jobs", json=dict(values), headers={"Accept-Language": "en"}).json()
        if "error" in reply:
            raise ValueError(reply["error"]["message"])
        self.client.delete(f"/v1/jobs/{reply['id']}")
        return read_request(reply["request"])

    def _command(self, *words: str, options: list[str] | None = None) -> Request:
        def call() -> None:
            main([words[0], *(options or []), *words[1:]])
            message = self.capsys.readouterr().err.strip().removeprefix("error: ")
            raise ValueError(message.removeprefix(f"Configuration file {self.folder / 'config.yaml'}: "))

        return _seen(call)


def _seen(call: Callable[[], object]) -> Request:
    try:
        call()
    except _SeenError as seen:
        return seen.request
    raise AssertionError("neither painted nor refused")


@pytest.fixture
def doors(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Doors]:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    home.mkdir(exist_ok=True)

    def load(*_: object, **__: object) -> _Pipeline:
        return _Pipeline()

    monkeypatch.setattr(api, "load", load)
    settings = read_settings()
    runner = LocalJobRunner(settings, limits=RunnerLimits(queue=99, per_owner=99), devices=())
    models, keys = ModelRegistry(settings, (MINI,)), ApiKeyStore.from_settings(settings)
    context = ServerContext(runner, settings, models, keys, JobEventStream(runner), Limits())
    runner.start()
    with TestClient(create_app(context), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Doors(client, tmp_path, capsys)
    runner.stop()


def _answer(door: Callable[[Mapping[str, Any]], Request], values: Mapping[str, Any], field: str) -> str:
    """Return the value of a field as JSON, or the error message."""
    try:
        request = door(values)
    except InvalidRequest as error:
        return " ".join(error.en.split())
    except ValueError as error:
        return " ".join(str(error).split())
    if field == "prompts":
        return json.dumps([(prompt.text, str(prompt.weight)) for prompt in request.parsed_prompts()])
    return json.dumps(request.model_dump(mode="json")[field])


def _assert_same(doors: Doors, values: Mapping[str, Any], field: str, *, hub: bool) -> None:
    every = [doors.python, doors.command, doors.config, doors.batch, doors.service]
    every += [doors.hub, doors.hub_command] if hub else []
    answers = {door.__name__: _answer(door, values, field) for door in every}
    assert len(set(answers.values())) == 1, answers


def test_request_values(doors: Doors) -> None:
    for field, text in VALUES:
        _assert_same(doors, {"prompts": "山", field: text}, field, hub=field in HUB_NAMES)


def test_prompts(doors: Doors) -> None:
    for prompt in PROMPTS:
        _assert_same(doors, {"prompts": prompt}, "prompts", hub=True)


def _png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "PNG", **options})
    return buffer.getvalue()


def _pictures() -> dict[str, bytes]:
    gradient = Image.linear_gradient("L").resize((64, 64))
    colours = Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180)))
    alpha = Image.merge("RGBA", (*colours.split(), gradient))
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # pyright: ignore
    deep = Image.fromarray((np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64))
    return {
        "plain": _png(colours),
        "transparent": _png(alpha),
        "gray with alpha": _png(Image.merge("LA", (gradient, gradient))),
        "palette with transparency": _png(colours.quantize(16), transparency=3),
        "16 bits": _png(deep),
        "rotated JPEG": _png(colours, format="JPEG", exif=exif),
        "CMYK JPEG": _png(colours.convert("CMYK"), format="JPEG"),
        "two frames of a camera": _png(colours, format="MPO", save_all=True, append_images=[colours]),
        "profile": _png(colours, icc_profile=profile),
        "damaged profile": _png(colours, icc_profile=b"damaged"),
        "WebP": _png(alpha, format="WEBP", lossless=True),
        "animated WebP": _png(colours, format="WEBP", save_all=True, append_images=[gradient.convert("RGB")]),
        "GIF": _png(colours, format="GIF"),
        "cut off": _png(colours)[:-200],
        "text": "雪山".encode(),
        "empty": b"",
        "too many pixels": _png(Image.new("1", (9000, 5000))),
    }


Pixels = NDArray[np.uint8]


def test_pictures(tmp_path: Path) -> None:
    for name, data in _pictures().items():
        folder = tmp_path / name
        folder.mkdir()
        file = folder / "a.png"
        file.write_bytes(data)
        (folder / "a.txt").write_text("山")

        def paint(source: str) -> Pixels:
            canvas = load_canvas(
                read_request({"prompts": "山", "init_image": source, "size": (64, 64), "init_fit": "cover"})
            )
            assert canvas is not None
            return ((canvas.pixels[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()

        def serve(uri: str) -> Pixels:
            return paint(init_image.load_init_image(uri, allow_urls=False))

        doors: dict[str, Callable[[], Pixels]] = {
            "path": lambda file=file: paint(str(file)),
            "file URL": lambda file=file: paint(file.as_uri()),
            "client": lambda file=file: serve(to_data_uri(str(file))),
            "training": lambda folder=folder: CaptionedFolder.open(folder, 64).pixels(0),
        }
        answers: dict[str, Pixels | str] = {}
        for door, read in doors.items():
            try:
                answers[door] = read()
            except InvalidRequest as error:
                answers[door] = error.en.replace(file.as_uri(), str(file)).replace("BMP, ", "")
        first = answers["path"]
        for door, answer in answers.items():
            assert type(answer) is type(first), (name, answers)
            assert np.array_equal(answer, first), (name, door, answers)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "gb18030", "big5"]
TEXT = "水墨畫，孤舟，遠山"


@pytest.mark.parametrize("encoding", [*ENCODINGS, "binary", "missing", "large"])
def test_text_files(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr("danqing.inputs.text_file.MAX_BYTES", 500)
    home.mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def write(file: Path, text: str) -> None:
        if encoding == "missing":
            file.unlink(missing_ok=True)
            with suppress(OSError):
                os.symlink("/nowhere/file", file)
        else:
            contents = {"binary": b"\xff\x00\x81", "large": b"a" * 501}
            file.write_bytes(contents[encoding] if encoding in contents else text.encode(encoding))

    def config(file: Path) -> str:
        write(file, f"style: {TEXT}")
        return str(read_config(file, required=True)["style"])

    def models(file: Path) -> str:
        write(file, f"a: {{unet: a.pt, title: '{TEXT}'}}")
        return load_custom(read_settings())["a"].title

    def captions(file: Path) -> str:
        write(file, TEXT + "\n")  # UTF-16 without a byte order mark is recognised by its ASCII characters
        return CaptionedFolder.open(tmp_path, 8).captions[0][0]

    def listed(file: Path) -> str:
        write(file, json.dumps({"file": "a.png", "caption": TEXT}, ensure_ascii=False))
        return CaptionedFolder.open(tmp_path, 8).captions[0][0]

    def batch(file: Path) -> str:
        write(file, TEXT + "\n")
        (row,) = read_prompt_file(file).rows
        assert row.request is not None
        return row.request.prompts[0]

    doors = {
        tmp_path / "b.txt": batch,
        tmp_path / "c.yaml": config,
        home / "models.yaml": models,
        tmp_path / "a.txt": captions,
        tmp_path / "captions.jsonl": listed,
    }
    answers: set[str] = set()
    for file, read in doors.items():
        if encoding == "missing" and file.suffix in (".yaml", ".jsonl"):
            continue  # these are optional, or named on the command line; the messages say what is missing
        try:
            answers.add(read(file))
        except InvalidRequest as error:
            answers.add(error.en.replace(str(file), "FILE"))
    assert len(answers) == 1, answers
    assert (answers == {TEXT}) == (encoding in ENCODINGS)
