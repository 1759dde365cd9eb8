"""The formats in which full-size weights are made up: each is installed as what it was made from."""

from pathlib import Path

import pytest
import torch

from benchmarks.formats import Format, save_clip, save_secondary, save_unet
from danqing.models.clip import ChineseClip
from danqing.models.secondary import Secondary
from danqing.models.unet import UNet
from danqing.pipeline.model import load_model
from danqing.settings import read_settings
from danqing.zoo.catalog import ORIGINAL
from danqing.zoo.install import adopt
from danqing.zoo.registry import find
from tests.tiny_model import CLIP, SECONDARY, UNET, VOCABULARY, randomise


@pytest.mark.parametrize("form", ["torch", "transformers", "paddle"])
def test_what_is_written_is_what_is_installed(form: Format, tmp_path: Path) -> None:
    networks = [
        randomise(made, seed) for seed, made in enumerate((UNet(UNET), Secondary(SECONDARY), ChineseClip(CLIP)))
    ]
    for network, save in zip(networks, (save_unet, save_secondary, save_clip), strict=True):
        save(network.state_dict(), network, tmp_path, form)
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    settings = read_settings()
    list(adopt(ORIGINAL, tmp_path, settings, verify=False))
    model = load_model(find(ORIGINAL, settings), device="cpu")
    assert model.secondary is not None
    for network, loaded in zip(networks, (model.unet, model.secondary, model.viewers[0].encoder), strict=True):
        theirs, ours = network.state_dict(), loaded.state_dict()
        assert theirs.keys() == ours.keys()
        assert all(torch.equal(theirs[name], ours[name]) for name in theirs)
