"""`danqing upscale`: files, continued work, recipes, and one clear line for bad input."""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from PIL import Image

from danqing.request import read_request
from danqing.results.picture_metadata import read_metadata, to_pnginfo
from danqing.settings import Settings
from danqing.zoo import registry
from danqing.zoo.catalog import catalog
from danqing.zoo.spec import ModelSpec
from tests.tiny_upscaler import install_tiny_upscaler, tiny_upscaler, write_tiny_upscaler
from tests.unit.cli.conftest import Command


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder with a picture; a tiny upscaler is installed."""
    install_tiny_upscaler(home)
    monkeypatch.chdir(tmp_path)
    Image.radial_gradient("L").resize((40, 24)).convert("RGB").save("a.png")
    return tmp_path


def opened(file: str) -> Image.Image:
    with Image.open(file) as image:
        image.load()
        return image


def test_pictures_are_enlarged_beside_themselves_or_into_a_folder(danqing: Command, folder: Path) -> None:
    assert danqing("upscale", "a.png").out == "a-4x.png\n"
    large = opened("a-4x.png")
    assert large.size == (160, 96)
    assert large.tobytes() == tiny_upscaler().run(opened("a.png").convert("RGB"), 4).tobytes()
    Image.new("RGB", (10, 10)).save("b.webp")
    (folder / "out").mkdir()
    lines = danqing("upscale", "a.png", "b.webp", "--by", "2", "-o", "out", "--json").out.splitlines()
    stored = [event["picture"] for event in map(json.loads, lines) if event["type"] == "stored"]
    assert stored == [str(Path("out") / "a-2x.png"), str(Path("out") / "b-2x.png")]
    assert opened("out/b-2x.png").size == (20, 20)
    assert (
        danqing("upscale", "a.png", "-o", "c.jpg", "--model", str(write_tiny_upscaler(folder / "net.safetensors"))).code
        == 0
    )
    assert opened("c.jpg").format == "JPEG"


@pytest.mark.usefixtures("folder")
def test_a_result_that_is_too_long_for_its_format_is_refused_before_the_work(danqing: Command) -> None:
    Image.new("RGB", (4100, 1)).save("long.png")
    done = danqing("upscale", "long.png", "-o", "long.webp", "--json")
    assert (done.code, done.out) == (2, "")
    assert ".png" in done.err


def test_the_recipe_of_a_painted_picture_becomes_that_of_the_enlarged_one(danqing: Command, folder: Path) -> None:
    request = read_request({"prompts": "山", "size": (64, 128), "seed": 7})
    small = Image.new("RGB", (64, 128), "teal")
    small.save("painted.png", pnginfo=to_pnginfo(request, seed=7, number=0, model="m"))
    danqing("upscale", "painted.png")
    recipe = read_metadata(folder / "painted-4x.png").request
    assert (recipe.size, recipe.upscale, recipe.upscaler, recipe.canvas) == (
        (256, 512),
        4,
        "realesr-general-x4v3",
        (64, 128),
    )
    danqing("upscale", "painted-4x.png", "--by", "2")  # no request describes a picture that was enlarged twice
    assert "danqing" not in opened("painted-4x-2x.png").info


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.png",), "missing.png"),
        (("a.png", "--by", "3"), "2 或 4"),
        (("a.png", "--model", "realesr-general"), "是否要找 realesr-general"),
        (("a.png", "--model", "real-esrgan-x4plus"), "danqing models install real-esrgan-x4plus"),
        (("a.png", "--model", "danqing_mini"), "没有名为“danqing_mini”的放大模型"),
        (("a.png", "--model", "none.pth"), "文件 none.pth 不存在"),
        (("a.png", "--model", "a.pth"), "不是"),
        (("cut.png",), "不是完整的"),
        (("moving.webp",), "动图"),
        (("a.png", "a.png"), "分开放大"),
        (("a.png", "cut.png", "-o", "nowhere"), "不是已有的文件夹"),
        (("a.png", "-o", "a.gif"), ".webp"),
        (("a.png", "-o", "a.png"), "--overwrite"),
    ],
)
def test_bad_input_is_told_in_one_line(danqing: Command, folder: Path, arguments: tuple[str, ...], words: str) -> None:
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:200])
    (folder / "a.pth").write_bytes(b"no weights")
    film = io.BytesIO()
    Image.new("RGB", (8, 8)).save(film, "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")])
    (folder / "moving.webp").write_bytes(film.getvalue())
    result = danqing("upscale", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1


def test_without_an_upscaler_the_command_that_installs_one_is_named(
    danqing: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_HOME", str(folder / "other"))

    def published(_: Settings) -> Mapping[str, ModelSpec]:
        return {name: spec for name, spec in catalog().items() if not spec.is_embedded}

    monkeypatch.setattr(registry, "all_specs", published)
    assert "danqing models install realesr-general-x4v3" in danqing("upscale", "a.png").err


@pytest.mark.usefixtures("folder")
def test_an_unknown_architecture_names_the_extra_or_the_reason(
    danqing: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    torch.save({"params": {"conv_first.weight": torch.zeros(8, 3, 3, 3)}}, "other.pth")
    result = danqing("upscale", "a.png", "--model", "other.pth")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "danqing[upscale]" in result.err
