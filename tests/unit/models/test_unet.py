"""The U-Net: every published family by its parameter count, configurations read back, patches, labels, refusals."""

import pytest
import torch
from torch import Tensor

from danqing.errors import ShapeError
from danqing.models.unet import UNet, UNetConfig, config_from_state, time_embedding

A512 = UNetConfig(channels=256, multipliers=(0.5, 1, 1, 2, 2, 4, 4), attention=(4, 5, 6))
A256 = UNetConfig(channels=256, multipliers=(1, 1, 2, 2, 4, 4), attention=(3, 4, 5))
P512 = UNetConfig(channels=128, multipliers=(0.5, 1, 1, 2, 2, 4, 4), attention=(4, 5, 6))
P256 = UNetConfig(channels=128, multipliers=(1, 1, 2, 2, 4, 4), attention=(3, 4, 5))
K = UNetConfig(channels=128, multipliers=(1, 1, 2, 2, 4, 4), attention=(4,), updown=False, scale_shift=False)
LABELLED = UNetConfig(channels=256, multipliers=(1, 1, 2, 2, 4, 4), attention=(3, 4, 5), classes=1000)
PATCHED = UNetConfig(channels=64, multipliers=(1, 2, 3), attention=(1, 2), blocks=1, patch=4, out_channels=3)
SHALLOW = UNetConfig(channels=32, multipliers=(1,), attention=(), blocks=3)
TINY = UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1)


def on_meta(config: UNetConfig) -> UNet:
    with torch.device("meta"):
        return UNet(config)


def shapes(unet: UNet) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in unet.state_dict().items()}


def tiny(config: UNetConfig = TINY) -> UNet:
    """A small network whose last layers are not zero."""
    unet = UNet(config)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return unet


@pytest.mark.parametrize(
    ("config", "millions"), [(A512, 557.97), (A256, 552.81), (P512, 139.58), (P256, 138.29), (K, 113.68)]
)
def test_published_families_have_the_published_size(config: UNetConfig, millions: float) -> None:
    assert round(sum(p.numel() for p in on_meta(config).parameters()) / 1e6, 2) == millions


@pytest.mark.parametrize("config", [A512, A256, P512, P256, K, LABELLED, PATCHED, SHALLOW, TINY])
def test_configuration_is_read_back(config: UNetConfig) -> None:
    assert config_from_state(shapes(on_meta(config))) == config


def test_configuration_needs_the_right_names() -> None:
    with pytest.raises(KeyError, match="time_embed"):
        config_from_state({"net.0.0.weight": (64, 19, 3, 3)})


@pytest.mark.parametrize(
    ("config", "width", "heads"),
    [
        (A512, 1024, 16),
        (P512, 512, 4),
        (P256, 256, 4),
        (K, 512, 1),
        (PATCHED, 192, 3),
        (TINY, 32, 1),
        (UNetConfig(channels=32, multipliers=(1,), attention=(), heads=8), 64, 8),
        (UNetConfig(channels=32, multipliers=(1,), attention=(), head_channels=16), 64, 4),
    ],
)
def test_heads_follow_the_family_unless_they_are_given(config: UNetConfig, width: int, heads: int) -> None:
    assert config.heads_at(width) == heads


def test_fresh_network_predicts_zero() -> None:
    out = UNet(TINY)(torch.randn(2, 3, 8, 8), torch.tensor([0.0, 999.0]))
    assert out.shape == (2, 6, 8, 8)
    assert out.abs().max() == 0


def test_patches_keep_the_picture_in_place() -> None:
    config = UNetConfig(channels=32, multipliers=(1, 1), attention=(), blocks=1, patch=2, out_channels=3)
    x = torch.randn(1, 3, 32, 32).requires_grad_()
    out = tiny(config).double()(x.double(), torch.tensor([10.0]))
    assert out.shape == x.shape
    (grad,) = torch.autograd.grad(out[0, :, 0, 0].sum(), x)
    assert grad[0, :, :16, :16].abs().sum() > grad[0, :, 16:, 16:].abs().sum()


def test_labels_matter() -> None:
    unet = tiny(UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1, classes=3))
    x, tau = torch.randn(1, 3, 8, 8), torch.tensor([500.0])
    first, second = (unet(x, tau, torch.tensor([label])) for label in (0, 2))
    assert (first - second).abs().max() > 1e-3


def test_pictures_of_a_batch_do_not_touch() -> None:
    unet, x, tau = tiny(), torch.randn(2, 3, 8, 8), torch.tensor([500.0, 20.5])
    torch.testing.assert_close(unet(x, tau)[1:], unet(x[1:], tau[1:]))


def test_checkpointing_changes_no_gradient() -> None:
    unet, tau = tiny(), torch.tensor([500.0])
    x = torch.randn(1, 3, 8, 8).requires_grad_()
    grads: list[Tensor] = []
    for unet.checkpointing in (False, True):
        grads += torch.autograd.grad(unet(x, tau).square().sum(), x)
    torch.testing.assert_close(grads[0], grads[1])


def test_half_precision_answers_in_the_dtype_of_the_question() -> None:
    unet, x, tau = tiny(), torch.randn(1, 3, 8, 8), torch.tensor([999.0])
    full = unet(x, tau)
    half = unet.bfloat16()(x, tau)
    assert half.dtype == torch.float32
    assert (half - full).abs().max() < 0.1 * full.abs().max()


@pytest.mark.parametrize(
    ("x", "tau", "y"),
    [
        (torch.zeros(1, 3, 7, 8), torch.zeros(1), None),
        (torch.zeros(1, 4, 8, 8), torch.zeros(1), None),
        (torch.zeros(3, 8, 8), torch.zeros(1), None),
        (torch.zeros(2, 3, 8, 8), torch.zeros(1), None),
        (torch.zeros(1, 3, 8, 8), torch.zeros(1), torch.zeros(1, dtype=torch.int64)),
    ],
)
def test_wrong_shapes_are_refused(x: Tensor, tau: Tensor, y: Tensor | None) -> None:
    with pytest.raises(ShapeError):
        tiny()(x, tau, y)


@pytest.mark.parametrize("y", [None, torch.zeros(2, dtype=torch.int64)])
def test_wrong_labels_are_refused(y: Tensor | None) -> None:
    unet = tiny(UNetConfig(channels=32, multipliers=(1,), attention=(), blocks=1, classes=3))
    with pytest.raises(ShapeError):
        unet(torch.zeros(1, 3, 8, 8), torch.zeros(1), y)


def test_time_embedding_is_cosines_then_sines_from_fast_to_slow() -> None:
    embedding = time_embedding(torch.tensor([0.0, 2.0]), 8)
    assert torch.equal(embedding[0], torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0]))
    torch.testing.assert_close(embedding[1, 0], torch.tensor(2.0).cos())
    torch.testing.assert_close(embedding[1, 4], torch.tensor(2.0).sin())
    torch.testing.assert_close(embedding[1, 7], torch.tensor(0.002).sin())
