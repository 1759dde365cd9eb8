"""Fresh parameters, and none where the loader builds."""

import torch
from torch import nn

from danqing.models.init import SkipInit, normal_parameter


def test_normal_numbers_have_the_asked_spread() -> None:
    made = normal_parameter(300, 400, std=0.1)
    assert made.requires_grad
    assert abs(float(made.detach().std()) - 0.1) < 2e-3
    assert abs(float(made.detach().mean())) < 2e-3


def test_unfilled_draws_nothing_and_leaves_the_rest_alone() -> None:
    state = torch.random.get_rng_state()
    with torch.device("meta"), SkipInit():
        table, layer = nn.Embedding(3, 4), nn.Linear(4, 5)
        made = normal_parameter(2, 3, std=0.5)
    assert {part.device.type for part in (table.weight, layer.weight, made)} == {"meta"}
    assert (table.weight.shape, layer.weight.shape, made.shape) == ((3, 4), (5, 4), (2, 3))
    assert torch.equal(torch.random.get_rng_state(), state)
    kept = torch.full((2,), 7.0)
    with SkipInit():
        assert nn.init.normal_(kept) is kept
        assert torch.equal(nn.init.zeros_(kept.clone()), torch.zeros(2))
    assert torch.equal(kept, torch.full((2,), 7.0))
