"""Pretraining of the text encoder: it learns the attributes that captions name, and the U-Net starts from it."""

from pathlib import Path

import numpy as np
import torch

from danqing.models.clip_text import TextConfig
from danqing.models.text_encoder import TextEncoderConfig
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.train.captions import characters
from danqing.train.config import SMOKE
from danqing.train.export import write_vocabulary
from danqing.train.scenes import english
from danqing.train.scenes.attributes import ColourName, Medium, Scene, Subject
from danqing.train.scenes.shards import write
from danqing.train.tasks import tokenize, train_text_encoder
from danqing.train.text_pretraining import (
    ATTRIBUTES,
    AttributeClassifier,
    attribute_accuracy,
    attribute_labels,
    attribute_loss,
    draw_captions,
)
from danqing.train.training_run import TrainingRun


def test_labels_are_the_numbers_of_the_values() -> None:
    scene = Scene(Medium.OIL, subject=Subject.CAT, colour=ColourName.RED, count=3)
    labels = {name: int(number) for name, number in zip(ATTRIBUTES, attribute_labels([scene])[0], strict=True)}
    assert ATTRIBUTES["medium"][labels["medium"]] is Medium.OIL
    assert ATTRIBUTES["colour"][labels["colour"]] is ColourName.RED
    assert ATTRIBUTES["count"][labels["count"]] == 3
    assert labels["building"] == labels["birds"] == 0


def test_a_small_encoder_learns_to_tell_attributes(tmp_path: Path) -> None:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    size = write_vocabulary(characters(), english.words(), tmp_path / "vocab.txt")
    tokenizer, rng = Tokenizer(tmp_path / "vocab.txt"), np.random.default_rng(0)
    bert = TextConfig(vocabulary=size, width=64, layers=1, mlp=128, positions=64)
    network = AttributeClassifier(TextEncoderConfig(bert, projection=64, embedding=128))
    optimiser = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], lr=3e-3)

    def draw(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        captions, labels = draw_captions(count, rng)
        return tokenize(tokenizer, captions, 64, torch.device("cpu")), labels

    heldout = draw(256)
    fresh = attribute_loss(network, *heldout).item(), attribute_accuracy(network, *heldout)
    for _ in range(40):
        optimiser.zero_grad()
        attribute_loss(network, *draw(64)).backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()  # pyright: ignore[reportUnknownMemberType]
    assert attribute_loss(network, *heldout).item() < 0.6 * fresh[0]
    assert attribute_accuracy(network, *heldout) > fresh[1] + 0.2


def test_the_unet_starts_with_the_pretrained_encoder(tmp_path: Path) -> None:
    assert list(write(tmp_path / "shards", count=8, seed=1, size=SMOKE.resolution, workers=1)) == [8]
    run = TrainingRun(SMOKE, (tmp_path / "shards",), tmp_path / "run", torch.device("cpu"))
    trained = train_text_encoder(run).average.get_submodule("encoder").state_dict()
    unet = run.network("unet")
    assert isinstance(unet, UNet)
    run._initialize("unet", unet)  # pyright: ignore[reportPrivateUsage]
    assert unet.text_encoder is not None
    own = unet.text_encoder.state_dict()
    assert own.keys() == trained.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in trained.items())
