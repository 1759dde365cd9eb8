"""What a training leaves behind; and the whole path, from pictures to weights that load."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from danqing.errors import ModelNotFound, WeightsError
from danqing.models.load import load_encoder, load_secondary, load_unet
from danqing.models.tokenizer import Tokenizer
from danqing.settings import read_settings
from danqing.train.config import PRESETS
from danqing.train.export import RESERVE, extend_vocabulary, read_weights, write_card, write_vocabulary, write_weights
from danqing.train.scenes.shards import write
from danqing.train.tasks import export, train_denoiser, train_encoder, train_secondary
from danqing.train.training_run import TrainingRun, TrainProgress
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_spec, model_dir


def test_vocabulary_spells_every_character(tmp_path: Path) -> None:
    count = write_vocabulary("山水A1，", (), tmp_path / "vocab.txt")
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


def test_every_training_and_the_export(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=64, seed=3, size=32, workers=1))
    reports: list[TrainProgress] = []
    run = TrainingRun(
        recipe=PRESETS["cpu-smoke"],
        data=(tmp_path / "data",),
        out=tmp_path / "run",
        device=torch.device("cpu"),
        on_progress=reports.append,
    )
    for train in (train_encoder, train_denoiser, train_secondary):
        assert train(run).step == 6
    export(run, tmp_path / "model")

    assert [(report.network, report.step) for report in reports] == [("encoder", 6), ("unet", 6), ("secondary", 6)]
    assert len(list((tmp_path / "run").glob("samples-*.png"))) == 1
    card = json.loads((tmp_path / "model/card.json").read_text(encoding="utf-8"))
    assert card["training"]["unet"]["pictures_seen"] == 48
    weights = {"unet.safetensors", "secondary.safetensors", "clip.safetensors"}
    assert set(card["files"]) == weights | {"vocab.txt", "unet_vocab.txt"}
    unet = load_unet(tmp_path / "model/unet.safetensors")
    tokens = Tokenizer(tmp_path / "model/unet_vocab.txt").encode(["雪山"])
    assert unet.text_encoder is not None
    x = torch.zeros(1, 3, 32, 32)
    assert unet(x, torch.zeros(1), text_embeds=unet.text_encoder(tokens)).shape == (1, 3, 32, 32)
    assert load_secondary(tmp_path / "model/secondary.safetensors")(x, torch.zeros(1)).shape == x.shape
    clip = load_encoder(tmp_path / "model/clip.safetensors")
    tokens = Tokenizer(tmp_path / "model/vocab.txt").encode(["雪山"])
    assert clip.encode_text(tokens).shape == clip.encode_image(x).shape

    further = replace(run, out=tmp_path / "further", start=tmp_path / "model")
    train_denoiser(further)
    export(further, tmp_path / "again")
    again = json.loads((tmp_path / "again/card.json").read_text(encoding="utf-8"))["training"]
    assert again["unet"]["before"] == card["training"]["unet"]
    assert {**again, "unet": None} == {**card["training"], "unet": None}, (
        "networks that were not trained keep their facts"
    )


def test_a_network_that_was_not_trained_keeps_its_vocabulary(tmp_path: Path) -> None:
    """New characters of the captions must not count as read by a CLIP that has never seen them."""
    recipe, device = PRESETS["cpu-smoke"], torch.device("cpu")

    def run(name: str, characters: str, start: Path | None = None) -> TrainingRun:
        album = tmp_path / f"{name}-album"
        album.mkdir()
        for number in range(16):
            Image.new("RGB", (32, 32), (number, 0, 0)).save(album / f"{number}.png")
            (album / f"{number}.txt").write_text(characters, encoding="utf-8")
        return TrainingRun(recipe, (album,), tmp_path / name, device, start=start)

    first = run("first", "山水")
    train_encoder(first)
    export(first, tmp_path / "model")
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 3 * RESERVE)))
    second = run("second", many, start=tmp_path / "model")
    train_denoiser(second)
    export(second, tmp_path / "again")
    for file in ("clip.safetensors", "vocab.txt"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "model" / file).read_bytes()
    assert Tokenizer(tmp_path / "again/vocab.txt").unknown_characters(many[-1]) == [many[-1]]
    assert Tokenizer(tmp_path / "again/unet_vocab.txt").unknown_characters(many[-1]) == []


def test_text_encoder_starts_from_the_clip_of_the_run(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=32, seed=3, size=32, workers=1))
    run = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"))
    clip = train_encoder(run).average.state_dict()
    unet = run.trainer("unet").network.state_dict()
    for name in ("text_projection", "bert.embeddings.word_embeddings.weight"):
        assert torch.equal(unet[f"text_encoder.{name}"], clip[name])


def test_networks_that_were_not_trained_are_not_exported(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=32, seed=3, size=32, workers=1))
    run = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"))
    with pytest.raises(ModelNotFound, match="danqing train all"):
        export(run, tmp_path / "model")
    train_encoder(run)
    export(run, tmp_path / "model")
    alone = {"clip.safetensors", "vocab.txt", "card.json"}
    assert {file.name for file in (tmp_path / "model").iterdir()} == alone
    further = replace(run, out=tmp_path / "further", start=tmp_path / "model")
    train_encoder(further)
    export(further, tmp_path / "again")
    assert {file.name for file in (tmp_path / "again").iterdir()} == alone


def test_second_clip_differs_from_the_first(tmp_path: Path) -> None:
    list(write(tmp_path / "data", count=32, seed=3, size=32, workers=1))
    run = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"))
    for name in ("encoder", "encoder2"):
        train_encoder(run, name)
    export(run, tmp_path / "model")
    first, second = ((tmp_path / "model" / f"clip{number}.safetensors").read_bytes() for number in ("", "2"))
    assert first != second
    assert (tmp_path / "model/vocab2.txt").exists()


def test_new_characters_take_unused_places_of_the_vocabulary(tmp_path: Path) -> None:
    """An album whose captions grew after its first run."""
    file = tmp_path / "vocab.txt"
    count = write_vocabulary("山水", ("red",), file)
    assert extend_vocabulary("山云", file) == ""
    assert len(file.read_text(encoding="utf-8").splitlines()) == count
    tokenizer = Tokenizer(file)
    assert tokenizer.unknown_characters("山云水") == []
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 2 * RESERVE)))
    assert len(extend_vocabulary(many, file)) > 0
    assert len(file.read_text(encoding="utf-8").splitlines()) == count
    assert extend_vocabulary(many, file, grow=True) == ""
    grown = file.read_text(encoding="utf-8").splitlines()
    assert len(grown) == len(set(grown)) > count
    assert len(grown) % RESERVE == 0
    assert Tokenizer(file).unknown_characters("山云" + many[-1]) == []


def test_a_vocabulary_that_has_grown_keeps_the_known_embeddings(tmp_path: Path) -> None:
    def network(pieces: int) -> nn.Module:
        return nn.ModuleDict({"word_embeddings": nn.Embedding(pieces, 3)})

    trained, larger = network(4), network(6)
    fresh = larger.state_dict()["word_embeddings.weight"].clone()
    write_weights(trained, tmp_path / "text.safetensors")
    read_weights(larger, tmp_path / "text.safetensors")
    known, embeddings = trained.state_dict()["word_embeddings.weight"], larger.state_dict()["word_embeddings.weight"]
    torch.testing.assert_close(embeddings[:4], known, rtol=1e-3, atol=1e-4)
    assert torch.equal(embeddings[4:], fresh[4:])


def test_training_begins_where_an_export_ended(tmp_path: Path) -> None:
    trained, fresh = nn.Linear(3, 2), nn.Linear(3, 2)
    write_weights(trained, tmp_path / "line.safetensors")
    read_weights(fresh, tmp_path / "line.safetensors")
    torch.testing.assert_close(fresh.weight, trained.weight, rtol=1e-3, atol=1e-4)
    for network, file in ((nn.Linear(4, 2), "line.safetensors"), (fresh, "nowhere.safetensors")):
        with pytest.raises(WeightsError, match="preset"):
            read_weights(network, tmp_path / file)


def test_cpu_preset_continues_from_the_embedded_weights(tmp_path: Path) -> None:
    place = model_dir(get_spec(MINI), read_settings())
    list(write(tmp_path / "data", count=4, seed=3, size=128, workers=1))
    run = TrainingRun(PRESETS["cpu"], (tmp_path / "data",), tmp_path / "run", torch.device("cpu"), start=place)
    average = run.trainer("unet").average.state_dict()
    embedded = load_unet(place / "unet.safetensors").state_dict()
    assert all(torch.equal(tensor, average[name]) for name, tensor in embedded.items())
    assert run.trainer("encoder").step == 0
