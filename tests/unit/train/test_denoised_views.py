"""Pictures as the U-Net guesses them under noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from danqing.models.unet import UNet
from danqing.train.config import PRESETS
from danqing.train.denoised_views import estimated
from danqing.train.diffusion_loss import alpha_sigma
from danqing.train.export import write_weights
from danqing.train.tasks import FILES, TrainingRun
from danqing.train.trainer import TrainRng


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


def chance() -> TrainRng:
    return TrainRng(np.random.default_rng(0), torch.Generator().manual_seed(0))


def test_the_last_pictures_are_guesses_blended_with_the_noise_as_guidance_does_and_the_others_stay() -> None:
    pictures, gray = torch.rand(8, 3, 16, 16), Gray()
    seen = estimated(gray, pictures, 0.25, chance())
    assert torch.equal(seen[:6], pictures[:6])
    ((x, tau),) = gray.seen
    sigma = alpha_sigma(tau)[1][:, None, None, None]
    torch.testing.assert_close(seen[6:], ((1 - sigma) * x + 1) / 2)


def test_no_share_is_no_change() -> None:
    pictures = torch.rand(8, 3, 16, 16)
    assert estimated(Gray(), pictures, 0.0, chance()) is pictures


@pytest.fixture
def studio(tmp_path: Path) -> TrainingRun:
    return TrainingRun(
        PRESETS["cpu-smoke"], (tmp_path,), tmp_path / "run", torch.device("cpu"), start=tmp_path / "start"
    )


def test_a_run_without_a_unet_guesses_nothing(studio: TrainingRun) -> None:
    assert studio.unet() is None


def test_the_unet_that_guesses_is_the_one_that_the_run_starts_from(studio: TrainingRun) -> None:
    unet = UNet(studio.recipe.unet)
    assert studio.start is not None
    studio.start.mkdir()
    write_weights(unet, studio.start / FILES["unet"])
    found = studio.unet()
    assert found is not None
    assert torch.allclose(next(found.parameters()), next(unet.parameters()), atol=1e-2)
    assert not any(weight.requires_grad for weight in found.parameters())
