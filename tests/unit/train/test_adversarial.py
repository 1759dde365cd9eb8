"""Pictures that are changed so that the encoder errs."""

import pytest
import torch
from torch import Tensor

from danqing.train.adversarial import AdversarialExamples
from danqing.train.config import DegradationConfig


def attack(**knobs: float) -> AdversarialExamples:
    return AdversarialExamples(DegradationConfig(**knobs), torch.Generator().manual_seed(0))


def pictures() -> Tensor:
    return torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def far_from_gray(seen: Tensor) -> Tensor:
    return (seen - 0.5).square().sum()


def test_every_attacked_picture_has_a_larger_loss_and_the_first_ones_stay() -> None:
    before = pictures()
    after = attack(attacked=0.75, attack=0.1)(before, far_from_gray)
    assert torch.equal(after[:2], before[:2])
    assert all(float(far_from_gray(after[n])) > float(far_from_gray(before[n])) for n in range(2, 8))


def test_the_change_is_as_large_as_was_asked_at_most_and_differs_from_picture_to_picture() -> None:
    before = pictures()
    sizes = (attack(attacked=1, attack=0.1)(before, far_from_gray) - before).square().mean((1, 2, 3)).sqrt()
    assert float(sizes.max()) <= 0.1 + 1e-6
    assert float(sizes.std()) > 0.01


@pytest.mark.parametrize("knobs", [{"attacked": 0.0}, {"attack": 0.0}])
def test_no_attack_is_no_change_and_costs_nothing(knobs: dict[str, float]) -> None:
    def never(_: Tensor) -> Tensor:
        raise AssertionError

    before = pictures()
    assert attack(**knobs)(before, never) is before


def test_what_the_network_learns_from_has_no_history() -> None:
    weight = torch.ones((), requires_grad=True)
    attacked = attack(attack=0.1)(pictures(), lambda seen: weight * far_from_gray(seen))
    assert not attacked.requires_grad
    assert weight.grad is None


def test_a_picture_that_no_change_makes_worse_stays_finite() -> None:
    attacked = attack(attacked=1, attack=0.1)(pictures(), lambda seen: 0 * seen.sum())
    assert torch.equal(attacked, pictures())
