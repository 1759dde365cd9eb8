"""Estimates of noisy pictures by the U-Net, as training pictures of the CLIP."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from danqing.models.unet import UNet
from danqing.train.config import PRESETS
from danqing.train.denoised_views import with_denoised
from danqing.train.diffusion_loss import alpha_sigma
from danqing.train.export import write_weights
from danqing.train.trainer import TrainRng
from danqing.train.training_run import FILES, TrainingRun


class Gray(nn.Module):
    """Guesses mid-gray whatever it sees, and more than any picture can hold in its fourth channel; it remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, tau: Tensor) -> Tensor:
        """[B, 4, H, W]."""
        assert bool(((tau >= 100) & (tau < 900)).all())
        self.seen.append((x, tau))
        return torch.cat([torch.zeros_like(x), torch.full_like(x[:, :1], 9.0)], 1)


def rngs() -> TrainRng:
    return TrainRng(np.random.default_rng(0), torch.Generator().manual_seed(0))


def test_the_last_pictures_are_blended_estimates_and_the_others_stay() -> None:
    pictures, gray = torch.rand(8, 3, 16, 16), Gray()
    seen = with_denoised(gray, pictures, 0.25, rngs())
    assert torch.equal(seen[:6], pictures[:6])
    ((x, tau),) = gray.seen
    sigma = alpha_sigma(tau)[1][:, None, None, None]
    torch.testing.assert_close(seen[6:], ((1 - sigma) * x + 1) / 2)


def test_no_share_is_no_change() -> None:
    pictures = torch.rand(8, 3, 16, 16)
    assert with_denoised(Gray(), pictures, 0.0, rngs()) is pictures


@pytest.fixture
def run(tmp_path: Path, shards: Path) -> TrainingRun:
    recipe = replace(PRESETS["cpu-smoke"], resolution=8)
    return TrainingRun(recipe, (shards,), tmp_path / "run", torch.device("cpu"), start=tmp_path / "start")


def test_a_run_without_a_unet_has_none(run: TrainingRun) -> None:
    assert run.unet() is None


def vocabulary_size(run: TrainingRun) -> int:
    run.tokenizer("unet")
    return len((run.out / "unet_vocab.txt").read_text(encoding="utf-8").splitlines())


def test_the_unet_is_the_one_that_the_run_starts_from(run: TrainingRun) -> None:
    unet = UNet(run.recipe.unet_config(vocabulary_size(run)))
    assert run.start is not None
    run.start.mkdir()
    write_weights(unet, run.start / FILES["unet"])
    found = run.unet()
    assert found is not None
    assert torch.allclose(next(found.parameters()), next(unet.parameters()), atol=1e-2)
    assert not any(weight.requires_grad for weight in found.parameters())
