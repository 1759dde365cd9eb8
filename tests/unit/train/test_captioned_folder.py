"""A user's own folder: captions beside pictures or in one file, and what is said when something is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.train.batches import open_dataset
from danqing.train.captioned_folder import CaptionedFolder


def test_an_album_takes_every_captioned_picture(album: Path) -> None:
    dataset = open_dataset(album, 8)
    assert isinstance(dataset, CaptionedFolder)
    assert len(dataset) == 3
    assert dataset.pixels(1).shape == (8, 8, 3)
    assert dataset.full_caption(0) == "雪山"
    rng = np.random.default_rng(0)
    assert {dataset.caption(0, rng) for _ in range(20)} == {"雪山", "雪山，水墨画"}
    assert dataset.hard_negative(0, rng) is None
    assert dataset.attributes(0) == {}


def test_captions_may_stand_in_one_file(album: Path) -> None:
    lines = [{"file": "3.png", "caption": "山"}, {"file": "3.png", "caption": "水"}, {"file": "0.png", "caption": "云"}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (album / "captions.jsonl").write_text(text, encoding="utf-8")
    assert CaptionedFolder.open(album, 8).captions == (("云",), ("山", "水"))


def test_a_folder_without_captions_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"captions\.jsonl"):
        open_dataset(tmp_path, 8)


def test_a_broken_picture_is_named(album: Path) -> None:
    (album / "0.png").write_bytes(b"no picture")
    with pytest.raises(InvalidRequest, match=r"0\.png"):
        open_dataset(album, 8)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"file": "0.png"}', '{"file": "gone.png", "caption": "山"}', '{"file": 1, "caption": "山"}']
)
def test_a_bad_line_of_captions_is_named(album: Path, line: str) -> None:
    (album / "captions.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InvalidRequest):
        open_dataset(album, 8)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5"])
def test_captions_in_any_encoding(album: Path, encoding: str) -> None:
    for number, caption in enumerate(("雪山\n雪山，水墨畫", "左邊的船", "荷花")):
        (album / f"{number}.txt").write_bytes(caption.encode(encoding))
    dataset = CaptionedFolder.open(album, 8)
    assert dataset.captions == (("雪山", "雪山，水墨畫"), ("左邊的船",), ("荷花",))
    told = [notice.en for notice in dataset.notices if "UTF-8" in notice.en]
    assert len(told) == (0 if encoding.startswith("utf-8") else 2)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_listed_captions_in_any_encoding(album: Path, encoding: str) -> None:
    (album / "captions.jsonl").write_bytes('{"file": "0.png", "caption": "云"}\r\n'.encode(encoding))
    assert CaptionedFolder.open(album, 8).captions == (("云",),)


def test_pictures_are_upright_and_opaque(album: Path) -> None:
    photo = Image.new("RGB", (40, 20))
    photo.paste((255, 0, 0), (0, 0, 20, 20))  # the left half is red
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90° clockwise: red becomes the upper half
    photo.save(album / "0.jpg", exif=exif, quality=95)
    (album / "0.png").unlink()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(album / "1.png")
    dataset = CaptionedFolder.open(album, 8)
    upright = dataset.pixels(0).astype(int)
    assert upright[1, :, 0].min() > 200, "red at the top"
    assert upright[6, :, 0].max() < 60, "black at the bottom"
    assert (dataset.pixels(1) == 255).all()
    assert any("white" in notice.en for notice in dataset.notices)


def test_files_of_other_systems(album: Path) -> None:
    (album / "._0.png").write_bytes(b"AppleDouble")
    (album / "._0.txt").write_bytes(b"\0\5\x16\7")
    (album / "sub").mkdir()
    Image.new("RGB", (20, 10)).save(album / "sub" / "Caf\u0065\u0301.BMP")  # decomposed, as macOS writes it
    (album / "sub" / "Caf\u00e9.TXT").write_text("咖啡馆", encoding="utf-8")
    dataset = CaptionedFolder.open(album, 8)
    assert [captions[0] for captions in dataset.captions] == ["雪山", "左边的船", "荷花", "咖啡馆"]
    assert [notice.zh for notice in dataset.notices] == ["1 张图片没有说明，未使用。"]


def test_listed_files_of_other_systems_and_empty_captions(album: Path) -> None:
    Image.new("RGB", (20, 10)).save(album / "Caf\u0065\u0301.png")
    lines = [{"file": "Caf\u00e9.png", "caption": "咖啡馆"}, {"file": "0.png", "caption": None}]
    (album / "captions.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    dataset = CaptionedFolder.open(album, 8)
    assert dataset.captions == (("咖啡馆",),)
    assert dataset.notices[0].en == "4 pictures without a caption are not used."


def test_unreadable_files_are_one_sentence(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "1.txt").write_bytes(b"\xff\x00\x81")
    with pytest.raises(InvalidRequest, match=r"1\.txt"):
        CaptionedFolder.open(album, 8)
    (album / "1.txt").unlink()
    monkeypatch.setattr("danqing.inputs.image_file.MAX_PIXELS", 100)
    with pytest.raises(InvalidRequest, match=r"0\.png.*100 pixels"):
        CaptionedFolder.open(album, 8)


def test_characters_that_a_vocabulary_lacks(album: Path, tmp_path: Path) -> None:
    dataset = CaptionedFolder.open(album, 8)
    assert dataset.unknown_characters(tmp_path / "missing.txt") == ""
    (tmp_path / "vocab").write_text("\n".join("[PAD]雪山水墨画左边的荷花"), "utf-8")
    assert dataset.unknown_characters(tmp_path / "vocab") == "船，"
