"""The judge that comes with the benchmarks, and what is measured with it, on pictures of the painter."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import quality
from benchmarks.jury import FOLDER, Judge
from benchmarks.likeness import diversity, neighbours, write_pairs
from benchmarks.networks import measure_encoder, measure_unet
from benchmarks.painted import paint_scenes
from benchmarks.prompts import HELD_OUT
from benchmarks.quality import judge_all, spread
from danqing.errors import InvalidRequest
from danqing.models.load import load_unet
from danqing.settings import read_settings
from danqing.train.scenes.shards import picture, pictures_per_shard, shard
from danqing.zoo.registry import get_installed


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def test_it_is_of_another_shape_than_the_one_that_guides(judge: Judge) -> None:
    guide = Judge.load(get_installed("danqing_mini", read_settings()).paths["clip"].parent)
    assert judge.clip.visual.config != guide.clip.visual.config
    assert (FOLDER / "clip.safetensors").stat().st_size < 6e6


def test_it_knows_what_the_painter_paints(judge: Judge) -> None:
    prompts = HELD_OUT[::4]
    row = judge_all(judge, prompts, paint_scenes(prompts, seeds=2))
    assert row["overall"] > 0.6
    assert row["object"] > 0.8
    assert row["overall pictures"] == 30
    shuffled = judge_all(judge, prompts, paint_scenes([*prompts[1:], prompts[0]], seeds=2))
    assert shuffled["overall"] < 0.2
    assert shuffled["log probability"] < row["log probability"] < 0


def test_diversity_of_copies_is_nothing(judge: Judge) -> None:
    shown = paint_scenes(HELD_OUT[:6], seeds=2)
    found = diversity(judge, shown)
    assert 0 < found.pixels_same < found.pixels_different
    assert 0 < found.judged_same < found.judged_different
    copies = diversity(judge, [[row[0], row[0]] for row in shown])
    assert copies.pixels_same == 0
    assert copies.judged_same == pytest.approx(0, abs=1e-5)


def test_a_copy_of_a_training_picture_is_found(tmp_path: Path) -> None:
    first = pictures_per_shard(32)
    np.save(tmp_path / "00000.npy", np.zeros((first, 32, 32, 3), np.uint8))
    shard(1, folder=tmp_path, count=first + 10, seed=3, size=32)
    training = np.load(tmp_path / "00001.npy")
    pictures = [training[4], training[7][:, ::-1], picture(0, seed=99, size=32)[1]]
    found = neighbours(pictures, tmp_path)
    assert [neighbour.place for neighbour in found[:2]] == [first + 4, first + 7]
    assert [neighbour.distance for neighbour in found[:2]] == pytest.approx([0, 0], abs=1e-3)
    assert found[2].distance > 0.02
    write_pairs(pictures, found, tmp_path, tmp_path / "pairs.png")
    with Image.open(tmp_path / "pairs.png") as sheet:
        assert sheet.size == (3 * 128, 2 * 128)


def test_networks_by_themselves(judge: Judge) -> None:
    found = measure_encoder(judge, count=40)
    assert found.full_1 > 0.8
    assert found.near_1 > 0.15
    assert 1 <= found.near_rank < 6
    assert found.attributes["medium"] > 0.8
    installed = get_installed("danqing_mini", read_settings())
    errors = measure_unet(load_unet(installed.paths["unet"]), installed.spec.prediction, side=128, count=4)
    assert list(errors) == ["100", "200", "400", "600", "800"]
    assert errors["100"] < errors["400"] < errors["800"] < 1


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--out", str(tmp_path), "--set", "tuning", "--limit", "2", "--seeds", "1", "--knobs", "steps=2"]
    monkeypatch.setattr(sys, "argv", ["quality", *words, "--variant", "sampler=plms", "--device", "cpu", "--json"])
    quality.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["judged"]) == {"painted", "guided", "unguided", "sampler=plms"}
    assert result["judged"]["guided"]["overall pictures"] == 2
    files = sorted(tmp_path.rglob("*.png"))
    assert len(files) == 6
    times = [file.stat().st_mtime_ns for file in files]
    quality.main()  # judges what is there
    assert [file.stat().st_mtime_ns for file in files] == times
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result
    monkeypatch.setattr(sys, "argv", [word.replace("steps=2", "steps=3") for word in sys.argv])
    with pytest.raises(InvalidRequest, match="--out"):
        quality.main()


def test_spread_is_even() -> None:
    assert spread(60, 4) == [0, 20, 39, 59]
    assert spread(3, 10) == [0, 1, 2]
