"""What a training leaves behind; and the whole path, from pictures to weights that load."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from danqing.errors import ModelNotFound, WeightsError
from danqing.models.load import load_encoder, load_secondary, load_unet
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.settings import read_settings
from danqing.train.config import PRESETS
from danqing.train.export import read_weights, write_card, write_vocabulary, write_weights
from danqing.train.scenes.shards import write
from danqing.train.tasks import TrainingRun, TrainProgress, export, train_denoiser, train_encoder, train_secondary
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_spec, model_dir


def test_vocabulary_spells_every_character(tmp_path: Path) -> None:
    count = write_vocabulary(frozenset("山水A1，"), tmp_path / "vocab.txt")
    lines = (tmp_path / "vocab.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(set(lines)) == count
    assert lines[0] == "[PAD]"
    tokenizer = Tokenizer(tmp_path / "vocab.txt")
    assert tokenizer.unknown_characters("山水，a1A1") == []
    assert tokenizer.unknown_characters("山云") == ["云"]


def test_weights_are_halves_that_read_back(tmp_path: Path) -> None:
    write_weights(nn.Linear(3, 2), tmp_path / "line.safetensors")
    write_card(tmp_path, {"name": "line"})
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    content = (tmp_path / "line.safetensors").read_bytes()
    assert card["files"]["line.safetensors"] == {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert not list(tmp_path.glob("*.part"))


def test_a_diverged_network_is_not_exported(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, 1e6)
    with pytest.raises(WeightsError, match="weight"):
        write_weights(network, tmp_path / "line.safetensors")
    assert not (tmp_path / "line.safetensors").exists()


def test_the_whole_path_in_seconds(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=64, seed=3, size=32, workers=1))
    said: list[TrainProgress] = []
    studio = TrainingRun(
        recipe=PRESETS["cpu-smoke"],
        data=(tmp_path / "data",),
        out=tmp_path / "run",
        device=torch.device("cpu"),
        say=said.append,
    )
    for train in (train_encoder, train_denoiser, train_secondary):
        assert train(studio).step == 6
    export(studio, tmp_path / "model")

    assert [(report.network, report.step) for report in said] == [("encoder", 6), ("unet", 6), ("secondary", 6)]
    assert len(list((tmp_path / "run").glob("samples-*.png"))) == 1
    card = json.loads((tmp_path / "model/card.json").read_text(encoding="utf-8"))
    assert card["training"]["unet"]["pictures_seen"] == 48
    assert set(card["files"]) == {"unet.safetensors", "secondary.safetensors", "clip.safetensors", "vocab.txt"}
    unet = load_unet(tmp_path / "model/unet.safetensors")
    assert unet.config == studio.recipe.unet
    x = torch.zeros(1, 3, 32, 32)
    assert unet(x, torch.zeros(1)).shape == (1, 3, 32, 32)
    assert load_secondary(tmp_path / "model/secondary.safetensors")(x, torch.zeros(1)).shape == x.shape
    clip = load_encoder(tmp_path / "model/clip.safetensors")
    tokens = Tokenizer(tmp_path / "model/vocab.txt").encode(["雪山"])
    assert clip.encode_text(tokens).shape == clip.encode_image(x).shape

    further = replace(studio, out=tmp_path / "further", start=tmp_path / "model")
    train_denoiser(further)
    export(further, tmp_path / "again")
    again = json.loads((tmp_path / "again/card.json").read_text(encoding="utf-8"))["training"]
    assert again["unet"]["before"] == card["training"]["unet"]
    assert {**again, "unet": None} == {**card["training"], "unet": None}, "what was not trained again keeps its facts"


def test_what_was_not_trained_is_not_exported(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=32, seed=3, size=32, workers=1))
    studio = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"))
    with pytest.raises(ModelNotFound, match="danqing train all"):
        export(studio, tmp_path / "model")
    train_encoder(studio)
    export(studio, tmp_path / "model")
    alone = {"clip.safetensors", "vocab.txt", "card.json"}
    assert {file.name for file in (tmp_path / "model").iterdir()} == alone
    further = replace(studio, out=tmp_path / "further", start=tmp_path / "model")
    train_encoder(further)
    export(further, tmp_path / "again")
    assert {file.name for file in (tmp_path / "again").iterdir()} == alone


def test_a_second_clip_comes_from_another_export_and_stays_until_a_clip_is_trained(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=32, seed=3, size=32, workers=1))
    first = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"))
    other = replace(first, out=tmp_path / "other", seed=1)
    for studio in (first, other):
        train_encoder(studio)
    train_denoiser(first)
    export(other, tmp_path / "theirs")
    export(first, tmp_path / "both", tmp_path / "theirs")

    def content(folder: str, name: str) -> bytes:
        return (tmp_path / folder / name).read_bytes()

    assert content("both", "clip2.safetensors") == content("theirs", "clip.safetensors")
    assert content("both", "clip2.safetensors") != content("both", "clip.safetensors")
    assert content("both", "vocab2.txt") == content("theirs", "vocab.txt")
    card = json.loads(content("both", "card.json"))
    assert card["training"]["encoder2"] == json.loads(content("theirs", "card.json"))["training"]["encoder"]
    assert "clip2.safetensors" in card["files"]

    further = replace(first, out=tmp_path / "further", start=tmp_path / "both")
    train_denoiser(further)
    export(further, tmp_path / "painter")
    assert content("painter", "clip2.safetensors") == content("both", "clip2.safetensors")
    assert json.loads(content("painter", "card.json"))["training"]["encoder2"] == card["training"]["encoder2"]
    train_encoder(further)
    export(further, tmp_path / "reader")
    assert not (tmp_path / "reader/clip2.safetensors").exists()
    with pytest.raises(ModelNotFound, match="--second"):
        export(first, tmp_path / "none", tmp_path / "data")


def test_training_begins_where_an_export_ended(tmp_path: Path) -> None:
    trained, fresh = nn.Linear(3, 2), nn.Linear(3, 2)
    write_weights(trained, tmp_path / "line.safetensors")
    read_weights(fresh, tmp_path / "line.safetensors")
    torch.testing.assert_close(fresh.weight, trained.weight, rtol=1e-3, atol=1e-4)
    for network, file in ((nn.Linear(4, 2), "line.safetensors"), (fresh, "nowhere.safetensors")):
        with pytest.raises(WeightsError, match="preset"):
            read_weights(network, tmp_path / file)


def test_the_cpu_preset_goes_on_from_the_weights_that_ship(tmp_path: Path) -> None:
    place = model_dir(get_spec(MINI), read_settings())
    studio = TrainingRun(PRESETS["cpu"], (tmp_path / "none",), tmp_path / "run", torch.device("cpu"), start=place)
    training = studio.training(UNet(studio.recipe.unet), studio.recipe.denoiser, "unet")
    shipped = load_unet(place / "unet.safetensors").state_dict()
    assert all(torch.equal(tensor, shipped[name]) for name, tensor in training.average.state_dict().items())
    encoder = studio.training(studio.clip(), studio.recipe.encoder, "encoder")
    assert encoder.step == 0
