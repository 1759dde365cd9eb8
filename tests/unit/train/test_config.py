"""The presets describe networks that can be built and that fit together."""

from dataclasses import replace

import pytest
import torch

from danqing.models.secondary import Secondary
from danqing.models.unet import UNet, config_from_state
from danqing.train.config import PRESETS, TrainConfig


@pytest.mark.parametrize("recipe", PRESETS.values(), ids=PRESETS)
def test_every_network_takes_the_recipes_pictures(recipe: TrainConfig) -> None:
    assert recipe.resolution % recipe.unet.stride == 0
    assert recipe.resolution % recipe.secondary.stride == 0
    assert recipe.resolution % recipe.vision.resolution == 0  # pictures are reduced for the CLIP
    assert recipe.words <= recipe.text.positions


@pytest.mark.parametrize("recipe", PRESETS.values(), ids=PRESETS)
def test_the_unet_can_be_read_back_from_its_tensors_alone(recipe: TrainConfig) -> None:
    with torch.device("meta"):
        shapes = {name: tuple(tensor.shape) for name, tensor in UNet(recipe.unet_config(256)).state_dict().items()}
    assert config_from_state(shapes) == recipe.unet_config(256)


def test_the_pace_may_be_set_for_all_networks() -> None:
    recipe = PRESETS["cpu"]
    paced = recipe.paced(7, None)
    assert {
        optim.batch for optim in (paced.unet_optim, paced.secondary_optim, paced.clip_optim, paced.upscaler_optim)
    } == {7}
    assert paced.unet_optim.rate == recipe.unet_optim.rate
    assert recipe.paced(None, 0.5).clip_optim == replace(recipe.clip_optim, rate=0.5)
    assert recipe.paced(None, None) == recipe
    assert recipe.paced(None, None, "bfloat16") == replace(recipe, dtype="bfloat16")


def test_the_shipped_networks_are_small() -> None:
    recipe = PRESETS["cpu"]
    with torch.device("meta"):
        networks = UNet(recipe.unet_config(2048)), Secondary(recipe.secondary)
    big, small = (sum(weight.numel() for weight in network.parameters()) for network in networks)
    assert 15e6 < big < 30e6
    assert small < 1.5e6
