"""The loop: its rate, its averages, its limits, and going on where it stopped."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from danqing.train.config import OptimConfig
from danqing.train.trainer import Trainer, TrainRng, follow, rate_factor

CPU = torch.device("cpu")


def test_rate_rises_and_falls() -> None:
    assert rate_factor(0, 10, 0.0) == pytest.approx(0.1)
    assert rate_factor(10, 10, 0.0) == pytest.approx(1.0)
    assert rate_factor(500, 10, 0.5) == pytest.approx(0.51)
    assert rate_factor(999, 10, 1.0) == pytest.approx(0.02)


def test_follow_moves_towards_the_network() -> None:
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(average.weight, 1.0)
    nn.init.constant_(network.weight, 2.0)
    follow(average, network, 0.75)
    assert float(average.weight.detach()) == pytest.approx(1.25)


def line_loss(network: nn.Module, chance: TrainRng) -> Tensor:
    x = torch.randn(8, 2, generator=chance.noise) + float(chance.numbers.random())
    return (network(x) - x.sum(1, keepdim=True)).square().mean()


def trained(file: Path, steps: int) -> Trainer:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    training = Trainer(nn.Linear(2, 1), OptimConfig(batch=8, steps=steps, rate=0.0, warmup=1), file, device=CPU)
    training.course = OptimConfig(batch=8, steps=steps, rate=0.1, warmup=1)
    training.run(line_loss, lambda _: None)
    return training


def test_training_learns_and_tells_its_losses(tmp_path: Path) -> None:
    training = trained(tmp_path / "line.pt", 200)
    assert training.step == 200
    assert training.pictures == 1600
    assert training.losses[-1][1] < 0.05 * training.losses[0][1]


def test_a_resumed_training_draws_the_same_numbers(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole.pt", 40)
    first = trained(tmp_path / "parts.pt", 20)
    assert first.step == 20
    second = trained(tmp_path / "parts.pt", 40)
    assert second.step == 40
    assert second.chance.numbers.random() == whole.chance.numbers.random()
    assert torch.equal(second.chance.noise.get_state(), whole.chance.noise.get_state())
    assert second.losses[0] == first.losses[0]
    assert second.pictures == 320


def test_pictures_are_counted_over_changes_of_the_batch(tmp_path: Path) -> None:
    trained(tmp_path / "parts.pt", 20)
    course = OptimConfig(batch=3, steps=21, rate=0.1)
    wider = Trainer(nn.Linear(2, 1), course, tmp_path / "parts.pt", device=CPU)
    wider.run(line_loss, lambda _: None)
    assert wider.pictures == 20 * 8 + 3


def test_time_limit_ends_a_training(tmp_path: Path) -> None:
    course = OptimConfig(batch=8, steps=10**9, rate=0.1, seconds=0.05)
    training = Trainer(nn.Linear(2, 1), course, tmp_path / "line.pt", device=CPU)
    training.run(line_loss, lambda _: None)
    assert 0 < training.step < 10**9
