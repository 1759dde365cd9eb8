"""Small folders to train on: painted shards, and somebody's album."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
def album_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An album in a folder apart from the test's own."""
    return write_album(tmp_path_factory.mktemp("album"))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """An album in the test's own folder."""
    return write_album(tmp_path)


def write_album(place: Path) -> Path:
    """Three captioned pictures and one without a caption."""
    for number, caption in enumerate(("雪山\n雪山，水墨画", "左边的船", "荷花", None)):
        Image.new("RGB", (20, 10), (80 * number, 0, 0)).save(place / f"{number}.png")
        if caption is not None:
            (place / f"{number}.txt").write_text(caption, encoding="utf-8")
    return place
