"""`danqing vary`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.cli.conftest import Command

SMALL = ("--steps", "6", "--display-rate", "2", "--size", "64x64")


@pytest.mark.usefixtures("fake_api")
def test_vary_takes_the_prompt_of_the_picture(danqing: Command) -> None:
    danqing("draw", "孤舟", *SMALL, "--artist", "齐白石", "--out", "a")
    (folder,) = Path("a").iterdir()
    picture = str(folder / "000.png")
    values = json.loads(danqing("vary", picture, "--dry-run", "--json").out)
    assert values["prompts"] == ["孤舟"]
    assert (values["artist"], values["strength"], values["init_image"]) == ("齐白石", 0.5, picture)
    values = json.loads(danqing("vary", picture, "-p", "雪", "--strength", "0.3", "--dry-run", "--json").out)
    assert (values["prompts"], values["strength"], values["init_scale"]) == (["雪"], 0.3, "0")


@pytest.mark.usefixtures("fake_api")
def test_vary_repaints_a_part_or_extends(danqing: Command) -> None:
    Image.new("RGB", (64, 64)).save("a.png")
    Image.new("L", (64, 64)).save("m.png")
    values = json.loads(danqing("vary", "a.png", "-p", "雪", "--mask", "m.png", "--dry-run", "--json").out)
    assert (values["mask"], values["strength"]) == ("m.png", None)
    values = json.loads(danqing("vary", "a.png", "-p", "雪", "--extend", "right:64", "--dry-run", "--json").out)
    assert (values["extend"], values["strength"]) == ("right:64", None)


@pytest.mark.usefixtures("fake_api")
def test_vary_needs_a_prompt(danqing: Command) -> None:
    Image.new("RGB", (64, 64)).save("a.png")
    result = danqing("vary", "a.png")
    assert result.code == 2
    assert "--prompt" in result.err


@pytest.mark.usefixtures("fake_api")
def test_vary_names_a_picture_that_cannot_be_read(danqing: Command) -> None:
    Path("a.txt").write_text("a")
    for picture in ("nothing.png", "a.txt"):
        result = danqing("vary", picture)
        assert result.code == 2
        assert picture in result.err
        assert "--prompt" not in result.err
