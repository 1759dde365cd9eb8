"""The loop: its rate, its averages, its limits, and going on where it stopped."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from danqing.errors import InvalidRequest, StorageError
from danqing.train.config import OptimConfig
from danqing.train.trainer import Trainer, TrainRng, rate_factor, update_average

CPU = torch.device("cpu")


def test_rate_rises_stays_and_falls_to_zero() -> None:
    assert rate_factor(0, 10, 0.0) == pytest.approx(0.1)
    assert rate_factor(10, 10, 0.0) == rate_factor(500, 10, 0.5) == 1.0
    assert rate_factor(750, 10, 0.75) == pytest.approx(0.5)
    assert rate_factor(1000, 10, 1.0) == 0.0


def test_average_moves_towards_the_network() -> None:
    average, network = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(average.weight, 1.0)
    nn.init.constant_(network.weight, 2.0)
    update_average(average, network, 0.75)
    assert float(average.weight.detach()) == pytest.approx(1.25)


def line_loss(network: nn.Module, rngs: TrainRng) -> Tensor:
    x = torch.randn(8, 2, generator=rngs.noise) + float(rngs.numbers.random())
    return (network(x) - x.sum(1, keepdim=True)).square().mean()


def trained(file: Path, steps: int) -> Trainer:
    torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    training = Trainer(nn.Linear(2, 1), OptimConfig(batch=8, steps=steps, rate=0.0, warmup=1), file, device=CPU)
    training.optim = OptimConfig(batch=8, steps=steps, rate=0.1, warmup=1)
    training.run(line_loss, lambda _: None)
    return training


def test_training_learns_and_tells_its_losses(tmp_path: Path) -> None:
    training = trained(tmp_path / "line.pt", 200)
    assert training.step == 200
    assert training.pictures == 1600
    assert training.losses[-1][1] < 0.05 * training.losses[0][1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_training_and_keeps_the_checkpoint(tmp_path: Path, value: float) -> None:
    before = trained(tmp_path / "line.pt", 20)
    training = Trainer(nn.Linear(2, 1), OptimConfig(batch=8, steps=60, rate=0.1, warmup=1), before.file, device=CPU)

    def loss(network: nn.Module, rngs: TrainRng) -> Tensor:
        return line_loss(network, rngs) * value

    with pytest.raises(InvalidRequest, match="not finite"):
        training.run(loss, lambda _: None)
    assert Trainer(nn.Linear(2, 1), training.optim, before.file, device=CPU).step == 20


def test_a_resumed_training_draws_the_same_numbers(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole.pt", 40)
    first = trained(tmp_path / "parts.pt", 20)
    assert first.step == 20
    second = trained(tmp_path / "parts.pt", 40)
    assert second.step == 40
    assert second.rngs.numbers.random() == whole.rngs.numbers.random()
    assert torch.equal(second.rngs.noise.get_state(), whole.rngs.noise.get_state())
    assert second.losses[0] == first.losses[0]
    assert second.pictures == 320


def test_pictures_are_counted_over_changes_of_the_batch(tmp_path: Path) -> None:
    trained(tmp_path / "parts.pt", 20)
    optim = OptimConfig(batch=3, steps=21, rate=0.1)
    wider = Trainer(nn.Linear(2, 1), optim, tmp_path / "parts.pt", device=CPU)
    wider.run(line_loss, lambda _: None)
    assert wider.pictures == 20 * 8 + 3


def test_time_limit_ends_a_training(tmp_path: Path) -> None:
    optim = OptimConfig(batch=8, steps=10**9, rate=0.1, seconds=0.05)
    training = Trainer(nn.Linear(2, 1), optim, tmp_path / "line.pt", device=CPU)
    training.run(line_loss, lambda _: None)
    assert 0 < training.step < 10**9


def test_a_resumed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    """The decay of the rate depends on the length, so both trainings are planned for 30 steps."""
    optim = OptimConfig(batch=8, steps=30, rate=0.1, warmup=1, micro_batches=2)
    results: list[Tensor] = []
    for stops in ((30,), (7, 19, 30)):
        for stop in stops:
            torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
            trainer = Trainer(nn.Linear(2, 1), optim, tmp_path / f"{len(stops)}.pt", device=CPU)
            while trainer.step < stop:
                trainer._advance(line_loss)  # pyright: ignore[reportPrivateUsage]
            trainer.save()
        results.append(trainer.average.weight.detach())  # pyright: ignore
    assert torch.equal(results[0], results[1])


def test_micro_batches_have_the_gradient_of_the_whole_batch(tmp_path: Path) -> None:
    pictures = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    results: list[Tensor] = []
    for parts in (1, 4):
        optim = OptimConfig(batch=8, steps=3, rate=0.1, warmup=1, micro_batches=parts)
        torch.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
        trainer = Trainer(nn.Linear(2, 1), optim, tmp_path / f"{parts}.pt", device=CPU)
        drawn = [0]

        def loss(network: nn.Module, rng: TrainRng, drawn: list[int] = drawn, optim: OptimConfig = optim) -> Tensor:
            assert rng.numbers is not None
            x = pictures[drawn[0] : drawn[0] + optim.micro_batch]
            drawn[0] = (drawn[0] + optim.micro_batch) % 8
            return (network(x) - x.sum(1, keepdim=True)).square().mean()

        trainer.run(loss, lambda _: None)
        results.append(trainer.network.weight.detach())  # pyright: ignore
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no checkpoint at all" * 99])
def test_a_damaged_checkpoint_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "line.pt").write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"line\.pt"):
        trained(tmp_path / "line.pt", 20)


def test_a_checkpoint_of_another_preset_is_one_clear_error(tmp_path: Path) -> None:
    trained(tmp_path / "line.pt", 2)
    with pytest.raises(InvalidRequest, match="--preset"):
        Trainer(nn.Linear(3, 4), OptimConfig(batch=8, steps=4, rate=0.1), tmp_path / "line.pt", device=CPU)


def test_an_unwritable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        trained(tmp_path / "file" / "line.pt", 2)
