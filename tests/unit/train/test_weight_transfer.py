"""Weights that a network of another shape begins with: at first it paints and sees as the old one did."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from danqing.diffusion.noise_schedule import alpha_sigma
from danqing.errors import WeightsError
from danqing.models.clip_vision import VisionConfig, VisionTransformer
from danqing.models.load import load_unet
from danqing.models.unet import UNet, UNetConfig, time_embedding
from danqing.settings import read_settings
from danqing.train.export import read_weights, write_weights
from danqing.train.weight_transfer import grown
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_installed
from tests.tiny_model import randomise

SMALL = UNetConfig(32, (1, 1), (1,), blocks=1, updown=False, patch=2, out_channels=3)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.fixture
def old() -> UNet:
    network = UNet(SMALL)
    randomise(network, 3)
    return network


def test_same_patches_change_nothing(old: UNet) -> None:
    made = grown(old.state_dict(), shapes(old))
    assert all(torch.equal(made[name], tensor) for name, tensor in old.state_dict().items())


def test_it_paints_what_the_old_network_would_paint_small(old: UNet) -> None:
    large = UNet(replace(SMALL, patch=4))
    large.load_state_dict(grown(old.state_dict(), shapes(large)))
    large.time_embed.load_state_dict(old.time_embed.state_dict())  # the same clock, to compare the rest
    x, tau = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([5.0, 800.0])
    with torch.no_grad():
        expected = F.interpolate(old(F.avg_pool2d(x, 2), tau), scale_factor=2.0)
        torch.testing.assert_close(large(x, tau), expected, atol=1e-4, rtol=1e-4)


def test_the_clock_is_set_back_to_where_there_is_half_the_noise() -> None:
    old = load_unet(get_installed(MINI, read_settings()).paths["unet"])  # only a trained clock runs smoothly
    channels = old.config.channels
    large = UNet(replace(old.config, patch=2 * old.config.patch))
    large.load_state_dict(grown(old.state_dict(), shapes(large)))
    tau, earlier = torch.tensor([400.0]), torch.tensor([262.0])
    (alpha, sigma), (alpha_earlier, sigma_earlier) = alpha_sigma(tau.long()), alpha_sigma(earlier.long())
    assert float(alpha_earlier / sigma_earlier / (alpha / sigma)) == pytest.approx(2, rel=0.01)
    with torch.no_grad():
        said = large.time_embed(time_embedding(tau, channels))
        wanted, unmoved = (old.time_embed(time_embedding(at, channels)) for at in (earlier, tau))
    assert float((said - wanted).norm()) < 0.2 * float((unmoved - wanted).norm())


def test_smaller_patches_see_even_pictures_alike() -> None:
    old, new = (VisionTransformer(VisionConfig(32, patch, 64, 1), 16) for patch in (16, 8))
    state = {f"visual.{name}": tensor for name, tensor in old.state_dict().items()}
    made = grown(state, {f"visual.{name}": shape for name, shape in shapes(new).items()})
    new.load_state_dict({name.removeprefix("visual."): tensor for name, tensor in made.items()})
    even = torch.tensor([0.2, -0.5, 0.9])[None, :, None, None].expand(1, 3, 32, 32)
    torch.testing.assert_close(new.conv1(even)[..., 0, 0], old.conv1(even)[..., 0, 0], atol=1e-5, rtol=1e-4)
    assert torch.equal(new.positional_embedding[0], old.positional_embedding[0])


def test_twice_as_wide_everywhere_it_paints_the_same() -> None:
    narrow, wide = UNet(replace(SMALL, multipliers=(2, 2))), UNet(replace(SMALL, multipliers=(4, 4)))
    randomise(narrow, 3)
    wide.load_state_dict(grown(narrow.state_dict(), shapes(wide)))
    x, tau = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([5.0, 800.0])
    with torch.no_grad():
        torch.testing.assert_close(wide(x, tau), narrow(x, tau), atol=1e-4, rtol=1e-4)


def test_a_wider_coarse_level_begins_near_where_the_narrow_one_ended() -> None:
    old = load_unet(get_installed(MINI, read_settings()).paths["unet"]).float()
    *finer, coarse = old.config.multipliers
    wide = UNet(replace(old.config, multipliers=(*finer, 2 * coarse)))
    wide.load_state_dict(grown(old.state_dict(), shapes(wide)))
    x = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    tau = torch.tensor([200.0, 900.0])
    with torch.no_grad():
        expected, got = old(x, tau), wide(x, tau)
    assert float((got - expected).square().mean().sqrt()) < 0.1 * float(expected.square().mean().sqrt())


def test_twins_do_not_read_the_same() -> None:
    narrow, wide = UNet(replace(SMALL, multipliers=(2, 2))), UNet(replace(SMALL, multipliers=(4, 4)))
    randomise(narrow, 3)
    name, state = "middle_block.0.in_layers.2.weight", narrow.state_dict()
    made = grown(state, shapes(wide))[name]  # [256, 256, 3, 3]
    both = made[::2, ::2] + made[::2, 1::2]  # what a channel and its twin are read by
    assert torch.allclose(both, state[name], atol=1e-6)
    assert not torch.equal(made[0], made[1])


def test_a_training_begins_with_a_file_of_other_patches_or_wider_levels_but_not_of_another_unit(
    old: UNet, tmp_path: Path
) -> None:
    write_weights(old, tmp_path / "unet.safetensors")
    read_weights(UNet(replace(SMALL, patch=4)), tmp_path / "unet.safetensors")
    write_weights(UNet(replace(SMALL, multipliers=(1, 2))), tmp_path / "wider.safetensors")
    read_weights(UNet(replace(SMALL, multipliers=(1, 4))), tmp_path / "wider.safetensors")
    for other in (replace(SMALL, channels=64), replace(SMALL, multipliers=(1, 3))):
        with pytest.raises(WeightsError, match="preset"):
            read_weights(UNet(other), tmp_path / "unet.safetensors")


def test_what_the_new_network_has_no_place_for_is_refused(tmp_path: Path) -> None:
    write_weights(UNet(replace(SMALL, attention=(0, 1))), tmp_path / "unet.safetensors")
    with pytest.raises(WeightsError, match="preset"):
        read_weights(UNet(SMALL), tmp_path / "unet.safetensors")
