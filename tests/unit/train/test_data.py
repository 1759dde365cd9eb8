"""Painted shards, a user's own folder, parts of them, and batches of pictures that are hard to tell apart."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from danqing.errors import InvalidRequest
from danqing.train.captions import full_caption
from danqing.train.data import FAMILY, Album, Corpus, Families, Painted, hold_out, load_batch, mirror, open_corpus
from danqing.train.scenes import sample


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two shards of 24 and 16 pictures whose first pixel is their number."""
    rng = np.random.default_rng(0)
    for shard, (first, count) in enumerate(((0, 24), (24, 16))):
        pixels = np.zeros((count, 8, 8, 3), np.uint8)
        pixels[:, 0, 0, 0] = np.arange(first, first + count)
        np.save(tmp_path / f"{shard:05d}.npy", pixels)
        lines = "".join(sample(rng).to_json() + "\n" for _ in range(count))
        (tmp_path / f"{shard:05d}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three captioned pictures and one without a caption."""
    for number, caption in enumerate(("雪山\n雪山，水墨画", "左边的船", "荷花", None)):
        Image.new("RGB", (20, 10), (80 * number, 0, 0)).save(tmp_path / f"{number}.png")
        if caption is not None:
            (tmp_path / f"{number}.txt").write_text(caption, encoding="utf-8")
    return tmp_path


def test_shards_are_read_in_order(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    assert isinstance(corpus, Painted)
    assert len(corpus) == 40
    assert [int(corpus.pixels(place)[0, 0, 0]) for place in (0, 23, 24, 39)] == [0, 23, 24, 39]
    assert corpus.full_caption(30) == full_caption(corpus.scenes[30])


def test_a_rival_is_not_the_truth(shards: Path) -> None:
    corpus, rng = open_corpus(shards, 8), np.random.default_rng(0)
    assert all(corpus.rival(place, rng) != corpus.full_caption(place) for place in range(40))


def test_every_fact_has_words(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    for place in range(40):
        for kind, value in corpus.facts(place).items():
            assert corpus.sayings[kind][value]


def test_shards_of_another_size_are_refused(shards: Path) -> None:
    with pytest.raises(InvalidRequest, match="64"):
        open_corpus(shards, 64)


def test_an_album_takes_every_captioned_picture(album: Path) -> None:
    corpus = open_corpus(album, 8)
    assert isinstance(corpus, Album)
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
    assert Album.open(album, 8).captions == (("云",), ("山", "水"))


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


def test_held_out_pictures_are_apart_and_depend_on_the_seed(shards: Path) -> None:
    def numbers(corpus: Corpus) -> set[int]:
        return {int(corpus.pixels(place)[0, 0, 0]) for place in range(len(corpus))}

    corpus = open_corpus(shards, 8)
    train, heldout = hold_out(corpus)
    assert (len(train), len(heldout)) == (36, 4)
    assert numbers(train) | numbers(heldout) == set(range(40))
    assert numbers(hold_out(corpus, seed=1)[1]) != numbers(heldout)
    assert train.full_caption(0) == corpus.full_caption(int(train.places[0]))


def test_a_batch_holds_no_picture_twice(shards: Path) -> None:
    families, rng = Families.of(open_corpus(shards, 8)), np.random.default_rng(0)
    for _ in range(10):
        places = families.draw(24, 0.5, rng)
        assert len(places) == len(set(places.tolist())) == 24
    assert len(families.draw(100, 0.5, rng)) == 40


def test_families_share_a_fact(shards: Path) -> None:
    corpus = open_corpus(shards, 8)
    families = Families.of(corpus)
    assert families.members
    for places in families.members:
        assert len(places) >= FAMILY
        first, *rest = (set(corpus.facts(int(place)).items()) for place in places)
        assert first.intersection(*rest)


def test_batches_are_in_zero_to_one(shards: Path) -> None:
    pictures = load_batch(open_corpus(shards, 8), np.array([39, 0]), torch.device("cpu"))
    assert pictures.shape == (2, 3, 8, 8)
    assert float(pictures[0, 0, 0, 0]) == pytest.approx(39 / 255)


def test_sides_are_never_swapped_under_a_caption_that_names_them() -> None:
    pictures = torch.arange(4.0).expand(64, 3, 2, 4)
    rng = np.random.default_rng(0)
    assert torch.equal(mirror(pictures, ["左边的船"] * 64, rng), pictures)
    flipped = mirror(pictures, ["船"] * 64, rng)[:, 0, 0, 0]
    assert 16 < int((flipped == 3).sum()) < 48
