"""`danqing finish`: its files, and the metadata that they keep."""

from pathlib import Path

import pytest
from PIL import Image

from danqing.results.picture_metadata import read_metadata, to_pnginfo
from tests.unit.cli.conftest import Command
from tests.unit.results.runs import small_request


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def picture(name: str) -> Path:
    """A picture with parameters if it is a PNG."""
    info = to_pnginfo(small_request(), seed=7, number=0, model="danqing_mini")
    Image.new("RGB", (64, 64), "white").save(name, pnginfo=info)  # other formats ignore it
    return Path(name)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_parameters_are_kept_in_every_format(danqing: Command, suffix: str) -> None:
    picture("a.png")
    assert danqing("finish", "a.png", "--label", "--out", f"b{suffix}").code == 0
    assert read_metadata(Path(f"b{suffix}")).seed == 7
    assert danqing("finish", f"b{suffix}", "--label", "--out", "c.png").code == 0
    assert read_metadata(Path("c.png")).seed == 7


def test_two_pictures_are_not_saved_as_one_file(danqing: Command) -> None:
    picture("a.png")
    picture("a.jpg")
    done = danqing("finish", "a.png", "a.jpg", "--label")
    assert done.code == 2
    assert "a-finished.png" in done.err
    assert not Path("a-finished.png").exists()


def test_the_original_is_not_overwritten(danqing: Command) -> None:
    before = picture("a.png").read_bytes()
    assert danqing("finish", "a.png", "--label", "--out", "./a.png").code == 2
    assert Path("a.png").read_bytes() == before


def test_the_folder_of_the_output_is_created(danqing: Command) -> None:
    picture("a.png")
    assert danqing("finish", "a.png", "--label", "--out", "new/b.png").code == 0
    assert Path("new/b.png").is_file()
