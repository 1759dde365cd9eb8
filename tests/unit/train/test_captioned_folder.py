"""A user's own folder: captions beside pictures or in one file, and what is said when something is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from danqing.errors import InvalidRequest
from danqing.train.batches import open_corpus
from danqing.train.captioned_folder import CaptionedFolder


def test_an_album_takes_every_captioned_picture(album: Path) -> None:
    corpus = open_corpus(album, 8)
    assert isinstance(corpus, CaptionedFolder)
    assert len(corpus) == 3
    assert corpus.pixels(1).shape == (8, 8, 3)
    assert corpus.full_caption(0) == "雪山"
    rng = np.random.default_rng(0)
    assert {corpus.caption(0, rng) for _ in range(20)} == {"雪山", "雪山，水墨画"}
    assert corpus.rival(0, rng) is None
    assert corpus.facts(0) == {}


def test_captions_may_stand_in_one_file(album: Path) -> None:
    lines = [{"file": "3.png", "caption": "山"}, {"file": "3.png", "caption": "水"}, {"file": "0.png", "caption": "云"}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (album / "captions.jsonl").write_text(text, encoding="utf-8")
    assert CaptionedFolder.open(album, 8).captions == (("云",), ("山", "水"))


def test_a_folder_without_captions_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"captions\.jsonl"):
        open_corpus(tmp_path, 8)


def test_a_broken_picture_is_named(album: Path) -> None:
    (album / "0.png").write_bytes(b"no picture")
    with pytest.raises(InvalidRequest, match=r"0\.png"):
        open_corpus(album, 8)


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"file": "0.png"}', '{"file": "gone.png", "caption": "山"}', '{"file": 1, "caption": "山"}']
)
def test_a_bad_line_of_captions_is_named(album: Path, line: str) -> None:
    (album / "captions.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(InvalidRequest):
        open_corpus(album, 8)
