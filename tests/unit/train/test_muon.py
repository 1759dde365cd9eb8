"""Muon: what it does to one matrix, which weights it takes, and that it goes on where it stopped."""

from typing import Any

import pytest
import torch
from torch import nn

from danqing.models.secondary import Secondary
from danqing.models.unet import UNet
from danqing.train.config import PRESETS
from danqing.train.muon import CONDITIONING_RATE, ITERATIONS, PRETRAINED_RATE, QUINTIC, Muon, MuonAdamW, orthogonalize

RECIPE = PRESETS["cpu-smoke"]


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (32, 32)])
def test_the_shorter_side_comes_near_orthonormal(shape: tuple[int, int]) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalize(matrices)
    assert found.shape == matrices.shape
    wide = found if shape[0] <= shape[1] else found.transpose(1, 2)
    gram = wide @ wide.transpose(1, 2)  # [3, short, short]
    assert 0.4 < float(gram.diagonal(dim1=1, dim2=2).mean()) < 1.3
    assert float((gram - torch.diag_embed(gram.diagonal(dim1=1, dim2=2))).abs().mean()) < 0.1


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (32, 32), (48, 432)])
def test_iteration_on_the_gram_matrix_equals_the_plain_one(shape: tuple[int, int]) -> None:
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    x = (matrices.transpose(1, 2) if shape[0] > shape[1] else matrices).double()
    x = x / x.square().sum((1, 2), keepdim=True).sqrt()
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(1, 2)
        x = a * x + (b * gram + c * gram @ gram) @ x
    plain = x.transpose(1, 2) if shape[0] > shape[1] else x
    torch.testing.assert_close(orthogonalize(matrices).double(), plain, rtol=1e-3, atol=1e-4)


def test_pretrained_weights_take_a_smaller_rate_and_conditioning_a_larger_one() -> None:
    network = UNet(RECIPE.unet_config(64))
    optimiser = MuonAdamW(network, 0.01)
    assert optimiser.muon is not None
    groups = [*optimiser.adam.param_groups, *optimiser.muon.param_groups]
    rates = {id(weight): group["rate"] for group in groups for weight in group["params"]}
    named = dict(network.named_parameters())
    assert rates[id(named["text_encoder.text_projection"])] == PRETRAINED_RATE
    assert rates[id(named["text_encoder.bert.embeddings.word_embeddings.weight"])] == 1.0
    assert rates[id(named["text_encoder.mlp.0.weight"])] == CONDITIONING_RATE
    assert rates[id(named["pixel_head.in_layer.weight"])] == 1.0
    conditioning = [rates[id(weight)] for name, weight in named.items() if ".emb_layers." in name]
    assert conditioning
    assert set(conditioning) == {CONDITIONING_RATE}


def test_a_step_has_the_size_of_an_adam_step() -> None:
    weight = nn.Parameter(torch.zeros(64, 256))
    weight.grad = torch.randn(64, 256, generator=torch.Generator().manual_seed(0))
    muon = Muon([weight], decay=0.0)
    muon.param_groups[0]["lr"] = 0.01
    muon.step()
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.2)


def test_decay_shrinks_a_weight_without_gradient() -> None:
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    muon = Muon([weight], decay=0.1)
    muon.param_groups[0]["lr"] = 0.5
    muon.step()
    assert torch.allclose(weight.detach(), torch.full((4, 4), 0.95))


def test_the_edges_of_a_network_are_left_to_adam() -> None:
    for network, first, last in (
        (UNet(RECIPE.unet), "input_blocks.0.0.weight", "out.2.weight"),
        (Secondary(RECIPE.secondary), "net.0.0.weight", "net.4.weight"),
    ):
        both = MuonAdamW(network, 0.01)
        inside = {id(weight) for group in muon_groups(both) for weight in group["params"]}
        outside = {id(weight) for group in both.adam.param_groups for weight in group["params"]}
        named = dict(network.named_parameters())
        assert {id(named[first]), id(named[last])} <= outside
        assert inside | outside == {id(weight) for weight in named.values()}
        assert not inside & outside
        assert all(weight.ndim >= 2 for group in muon_groups(both) for weight in group["params"])


def muon_groups(optimiser: MuonAdamW) -> list[dict[str, Any]]:
    assert optimiser.muon is not None
    return optimiser.muon.param_groups


def test_it_goes_on_where_it_stopped() -> None:
    def stepped(network: nn.Module, both: MuonAdamW) -> None:
        network(torch.ones(1, 3)).sum().backward()
        both.step(0.1)

    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    one, two = MuonAdamW(first, 0.01), MuonAdamW(second, 0.01)
    stepped(first, one)
    second.load_state_dict(first.state_dict())
    two.load_state_dict(one.state_dict())
    stepped(first, one)
    stepped(second, two)
    assert torch.allclose(first.weight, second.weight, atol=1e-6)
    assert torch.allclose(first.bias, second.bias, atol=1e-6)
