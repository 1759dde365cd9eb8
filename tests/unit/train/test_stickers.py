"""Cut-outs: packages are compared, names and drawings found, pictures composed. The packages here are made up."""

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from danqing.errors import MissingExtra, WeightsError
from danqing.train.captioned_folder import CaptionedFolder
from danqing.train.scenes import Scene, paint
from danqing.train.scenes.attributes import Medium
from danqing.train.stickers.compose import captions, compose, ground, picture
from danqing.train.stickers.emoji import Sticker, read_things, render
from danqing.train.stickers.npm_packages import PACKAGES, Package, fetch

DISC = '<circle cx="8" cy="8" r="8" fill="#f00"/>'


def pack(place: Path, name: str, files: dict[str, object]) -> Package:
    """A tarball as npm writes it."""
    package = Package(name, "1.0.0", "", "CC0-1.0", "nowhere")
    with tarfile.open(place / package.file, "w:gz") as tar:
        for file, content in files.items():
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(f"package/{file}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    digest = hashlib.sha512((place / package.file).read_bytes()).digest()
    return Package(name, "1.0.0", base64.b64encode(digest).decode(), "CC0-1.0", "nowhere")


@pytest.fixture
def labels(tmp_path: Path) -> Package:
    entries = [
        {"label": "球", "hexcode": "26BD", "group": 7, "subgroup": 62},
        {"label": "熊猫", "hexcode": "1F43C-FE0F", "group": 3, "subgroup": 34},
        {"label": "一点钟", "hexcode": "1F550", "group": 5, "subgroup": 58},
        {"label": "笑脸", "hexcode": "1F600", "group": 0, "subgroup": 0},
        {"label": "没有图", "hexcode": "1F999", "group": 3, "subgroup": 34},
    ]
    return pack(tmp_path, "labels", {"zh/data.json": entries})


@pytest.fixture
def icons(tmp_path: Path) -> Package:
    drawings = {
        "width": 16,
        "height": 16,
        "icons": {"ball": {"body": DISC}},
        "aliases": {"panda": {"parent": "ball"}},
    }
    codes = {"26bd": "ball", "1f43c": "panda", "1f550": "ball", "1f600": "ball"}
    return pack(tmp_path, "@somebody/icons", {"icons.json": drawings, "chars.json": codes})


def test_things_have_a_name_and_a_drawing(tmp_path: Path, labels: Package, icons: Package) -> None:
    things = read_things(tmp_path, labels=labels, sets=(icons,))
    assert [(thing.name, thing.outdoors) for thing in things] == [("球", False), ("熊猫", True)]
    drawing = render(things[1].drawings["@somebody/icons"], 32)
    assert drawing.shape == (32, 32, 4)
    assert drawing[16, 16].tolist() == [255, 0, 0, 255]
    assert drawing[0, 0, 3] == 0


def test_what_is_there_is_compared_and_not_fetched(tmp_path: Path, labels: Package, icons: Package) -> None:
    here = [tmp_path / "labels-1.0.0.tgz", tmp_path / "somebody-icons-1.0.0.tgz"]
    assert list(fetch(tmp_path, offline=True, packages=(labels, icons))) == here
    here[1].write_bytes(b"something else")
    with pytest.raises(WeightsError, match="somebody-icons"):
        list(fetch(tmp_path, offline=True, packages=(labels, icons)))
    here[1].unlink()
    with pytest.raises(MissingExtra, match="npm pack @somebody/icons@1"):
        list(fetch(tmp_path, offline=True, packages=(labels, icons)))


def test_packages_have_one_version_and_a_checksum() -> None:
    for package in PACKAGES:
        assert len(base64.b64decode(package.sha512)) == 64
        assert package.file.endswith(f"-{package.version}.tgz")
        assert package.licence.startswith(("MIT", "Apache-2.0"))  # nothing that asks for the same licence in return


def disc(*, outdoors: bool) -> Sticker:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{DISC}</svg>'
    return Sticker("红球", {"own": svg}, outdoors)


def test_a_folder_that_trainings_read(tmp_path: Path) -> None:
    compose([disc(outdoors=True)], tmp_path, count=6, seed=1, size=64)
    album = CaptionedFolder.open(tmp_path, 64)
    assert len(album) == 6
    assert all(said[0].startswith("红球，") and len(said) == 3 for said in album.captions)
    assert all("红球" in text for said in album.captions for text in said)
    evals = (tmp_path / "LICENCES.md").read_text(encoding="utf-8")
    assert all(package.name in evals and package.licence in evals for package in PACKAGES)
    again = tmp_path / "again"
    compose([disc(outdoors=True)], again, count=6, seed=1, size=64)
    with Image.open(tmp_path / "pictures/00003.png") as one, Image.open(again / "pictures/00003.png") as two:
        assert one.tobytes() == two.tobytes()


def test_the_thing_is_in_the_picture_and_grey_in_ink() -> None:
    def redness(medium: Medium) -> float:
        image = picture(disc(outdoors=False), Scene(medium), np.random.default_rng(5), 128).astype(int)
        return float((image[..., 0] - image[..., 1]).max())

    assert redness(Medium.WATERCOLOUR) > 100
    assert redness(Medium.SKETCH) < 30


def test_what_one_meets_indoors_lies_on_paper() -> None:
    for seed in range(20):
        scene = ground(np.random.default_rng(seed), outdoors=False)
        assert scene.place is None
        assert not any(
            "旁" in text or "边" in text for text in captions(disc(outdoors=False), scene, np.random.default_rng(0))
        )
    indices = {ground(np.random.default_rng(seed), outdoors=True).place for seed in range(40)}
    assert None in indices
    assert len(indices) > 2


def test_pasting_nothing_changes_nothing() -> None:
    scene = next(scene for seed in range(99) if (scene := ground(np.random.default_rng(seed), outdoors=True)).place)
    plain = paint(scene, np.random.default_rng(3))
    assert np.array_equal(plain, paint(scene, np.random.default_rng(3), paste=lambda _: None))
