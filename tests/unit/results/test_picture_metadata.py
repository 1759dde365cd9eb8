"""Metadata of PNG files: round trip, other viewers, and invalid files."""

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.errors import RunNotFound
from danqing.results import picture_metadata
from tests.unit.results.runs import MODEL, image, small_request


def save(path: Path, info: PngInfo | None) -> Path:
    image(1, 1).save(path, "PNG", pnginfo=info)
    return path


def test_the_metadata_can_be_read_back(tmp_path: Path) -> None:
    request = small_request(prompts=["山：2", "水"], artist="齐白石", n_batches=3, cut_ic_pow="[1]*500+[2]*500")
    path = save(tmp_path / "a.png", picture_metadata.to_pnginfo(request, seed=9, number=2, model=MODEL))

    metadata = picture_metadata.read_metadata(path)

    assert metadata.request == request
    assert (metadata.seed, metadata.number, metadata.model, metadata.omitted) == (9, 2, MODEL, ())
    single = metadata.single_image_request()
    assert (single.seed, single.image_count, single.prompts) == (9, 1, request.prompts)


def test_other_viewers_can_read_it_too(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", picture_metadata.to_pnginfo(small_request(), seed=7, number=0, model=MODEL))

    with Image.open(path) as picture:
        info = picture.info

    assert str(info["parameters"]).isascii()
    assert json.loads(info["parameters"]) == json.loads(info["danqing"])
    assert info["Description"] == "孤舟蓑笠翁，独钓寒江雪"
    assert str(info["Software"]).startswith("danqing ")
    assert b"tEXtparameters" in path.read_bytes()


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        save(tmp_path / name, picture_metadata.to_pnginfo(small_request(), seed=7, number=0, model=MODEL))
        for name in ("a", "b")
    )
    assert first.read_bytes() == second.read_bytes()


def test_folders_of_files_are_not_stored(tmp_path: Path) -> None:
    home = tmp_path / "home-of-mei"
    fields = {name: str(home / f"{name}.png") for name in ("init_image", "mask", "seal")}
    like = (f"{home / 'like.png'}:0.5", "https://example.org/a/b.png")
    request = small_request(**fields, like=like, font=str(home / "f.ttf"), branch=f"{home / 'run' / '000'}@5")
    path = save(tmp_path / "a.png", picture_metadata.to_pnginfo(request, seed=7, number=0, model=MODEL))
    assert b"home-of-mei" not in path.read_bytes()
    metadata = picture_metadata.read_metadata(path)
    assert metadata.request.branch == "run/000@5"
    assert metadata.omitted == ("init_image", "like", "mask", "seal")
    assert metadata.request.init_image is None


@pytest.mark.parametrize("folder", [".", ".."])
def test_pictures_beside_a_picture_are_found(tmp_path: Path, folder: str) -> None:
    place = tmp_path / "run"
    place.mkdir()
    beside = (place / folder / "lake.png").resolve()
    Image.new("RGB", (8, 8)).save(beside)
    request = small_request(init_image="/elsewhere/lake.png", like=("/elsewhere/lake.png:0.5",))
    path = save(place / "a.png", picture_metadata.to_pnginfo(request, seed=7, number=0, model=MODEL))
    metadata = picture_metadata.read_metadata(path)
    assert metadata.omitted == ()
    assert Path(metadata.request.init_image or "").samefile(beside)
    assert Path(metadata.request.like[0].removesuffix(":0.5")).samefile(beside)


def test_a_long_initial_image_is_omitted(tmp_path: Path) -> None:
    request = small_request(init_image="data:image/png;base64," + "A" * picture_metadata.MAX_TEXT)
    path = save(tmp_path / "a.png", picture_metadata.to_pnginfo(request, seed=7, number=0, model=MODEL))

    metadata = picture_metadata.read_metadata(path)

    assert metadata.request.init_image is None
    assert metadata.omitted == ("init_image",)
    assert path.stat().st_size < 20_000


def _with(text: str) -> PngInfo:
    info = PngInfo()
    info.add_itxt("danqing", text, zip=True)
    return info


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        "{}",
        '{"request": 1, "seed": 1, "number": 0, "model": "m", "version": "1"}',
        '{"request": {"prompts": "a"}, "seed": "1", "number": 0, "model": "m", "version": "1"}',
        '{"request": {"prompts": "a", "later": 1}, "seed": 1, "number": 0, "model": "m", "version": "1"}',
        '{"request": {"prompts": "a", "cut_overview": "__import__(1)"}, "seed": 1, "number": 0, "model": "m", "version": "1"}',
        " " * 3_000_000,
    ],
)
def test_invalid_metadata(tmp_path: Path, text: str) -> None:
    with pytest.raises(RunNotFound):
        picture_metadata.read_metadata(save(tmp_path / "a.png", _with(text)))


def test_files_without_metadata(tmp_path: Path) -> None:
    plain = save(tmp_path / "plain.png", None)
    torn = tmp_path / "torn.png"
    torn.write_bytes(plain.read_bytes()[:20])
    jpeg = tmp_path / "a.png.jpg"
    image(1, 1).save(jpeg, "JPEG")

    for path, words in (
        (plain, "has no parameters of Danqing"),
        (torn, "not a complete picture"),
        (jpeg, "has no parameters of Danqing"),
        (tmp_path / "no", "does not exist"),
    ):
        with pytest.raises(RunNotFound, match=words):
            picture_metadata.read_metadata(path)
    with pytest.raises(RunNotFound):
        picture_metadata.read_metadata(tmp_path)


def test_metadata_of_another_version_is_named(tmp_path: Path) -> None:
    text = '{"request": {"prompts": "a", "later": 1}, "seed": 1, "number": 0, "model": "m", "version": "99.0"}'
    with pytest.raises(RunNotFound, match=r"Danqing 99\.0"):
        picture_metadata.read_metadata(save(tmp_path / "a.png", _with(text)))
