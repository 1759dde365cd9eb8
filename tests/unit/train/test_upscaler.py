"""The upscaler's training: aligned pairs, the perceptual distance, and the recipe of the embedded model in small."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from danqing.errors import InvalidRequest, ModelNotFound
from danqing.models.srvgg_compact import Compact, CompactConfig
from danqing.train.config import PRESETS
from danqing.train.diffusion_loss import add_noise
from danqing.train.mini import MiniRecipe, train_mini
from danqing.train.perceptual import PerceptualDistance
from danqing.train.scenes.shards import write
from danqing.train.trainer import TrainRng
from danqing.train.training_run import TrainingRun, TrainProgress, fresh_upscaler
from danqing.train.upscaler import (
    UpscalePairs,
    evaluate,
    prepare_small_versions,
    repaint,
    upscale_loss,
    write_small_versions,
)

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


def blurring(x: Tensor, tau: Tensor, captions: list[str]) -> Tensor:
    """Stand-in for a U-Net that returns its input without the noise's fine part."""
    assert len(x) == len(tau) == len(captions)
    return torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1)


@pytest.fixture
def pairs(tmp_path: Path) -> UpscalePairs:
    list(write(tmp_path, count=6, seed=1, size=128, workers=1))
    write_small_versions(tmp_path / "00000.npy", ["山"] * 6, blurring, TrainRng.seeded(0, CPU), batch=4)
    return UpscalePairs.open(tmp_path)


def test_crops_of_a_pair_show_the_same_place(pairs: UpscalePairs) -> None:
    """Also after flips: the average of the large crop is the small crop, for the plain version."""
    plain = UpscalePairs(pairs.large, tuple(small[:, :1] for small in pairs.small))
    small, large = plain.draw(20, 16, np.random.default_rng(0))
    assert small.shape == (20, 3, 16, 16)
    assert large.shape == (20, 3, 64, 64)
    averaged = torch.nn.functional.avg_pool2d(large, 4)
    assert float((averaged - small).abs().max()) < 1 / 255


def test_small_versions_are_the_average_and_a_denoised_one(pairs: UpscalePairs) -> None:
    assert len(pairs) == 6
    small = pairs.small[0]
    assert small.shape == (6, 2, 32, 32, 3)
    plain = np.asarray(cv2.resize(pairs.large[0][3], (32, 32), interpolation=cv2.INTER_AREA), np.uint8)
    assert np.array_equal(small[3, 0], plain)
    difference = np.abs(small[:, 1].astype(float) - small[:, 0]).mean()
    assert 1 < difference < 60


def test_repainting_with_a_perfect_denoiser_returns_the_picture() -> None:
    pictures = torch.rand(3, 3, 8, 8) * 2 - 1

    def perfect(x: Tensor, tau: Tensor, captions: list[str]) -> Tensor:
        assert len(x) == len(captions)
        assert bool((tau >= 0).all())
        assert bool((tau <= 300).all())
        return pictures

    assert torch.equal(repaint(perfect, pictures, [""] * 3, TrainRng.seeded(0, CPU)), pictures)
    noisy = add_noise(pictures, torch.full((3,), 300.0), TrainRng.seeded(0, CPU)).x
    assert not torch.allclose(noisy, pictures, atol=0.1)


def test_fresh_upscaler_repeats_pixels() -> None:
    network = fresh_upscaler(Compact(CompactConfig(channels=8, convolutions=2)))
    small = torch.rand(1, 3, 5, 6)
    expected = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(network(small), expected)


def test_perceptual_distance_grows_with_blur() -> None:
    distance = PerceptualDistance()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    blurred = [torch.nn.functional.avg_pool2d(picture, size, 1, size // 2) for size in (1, 3, 7)]
    figures = [float(distance(picture, other)) for other in blurred]
    assert figures[0] == 0
    assert figures[0] < figures[1] < figures[2]


def test_perceptual_distance_has_a_gradient() -> None:
    network = fresh_upscaler(Compact(CompactConfig(channels=8, convolutions=2)))
    small, large = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 64, 64)
    losses = [upscale_loss(network, small, large, perceptual) for perceptual in (None, PerceptualDistance())]
    assert float(losses[1].detach()) > float(losses[0].detach())
    losses[1].backward()  # pyright: ignore[reportUnknownMemberType]
    assert all(weight.grad is not None for weight in network.body[-1].parameters())


def test_evaluation_compares_with_lanczos() -> None:
    large = torch.rand(1, 3, 64, 64)
    figures = evaluate(lambda _small: large, torch.rand(1, 3, 16, 16), large, PerceptualDistance())  # pyright: ignore
    assert figures["error"] == figures["distance"] == 0
    assert figures["lanczos_error"] > 0.1
    assert figures["lanczos_distance"] > 0


def test_pictures_of_another_size_and_a_missing_unet_are_refused(tmp_path: Path) -> None:
    list(write(tmp_path / "small", count=2, seed=1, size=32, workers=1))
    run = TrainingRun(PRESETS["cpu-smoke"], (tmp_path / "small",), tmp_path / "run", CPU)
    with pytest.raises(InvalidRequest, match="128"):
        prepare_small_versions(run, tmp_path / "small")
    list(write(tmp_path / "large", count=2, seed=1, size=128, workers=1))
    with pytest.raises(ModelNotFound, match="U-Net"):
        prepare_small_versions(run, tmp_path / "large")


def test_recipe_of_the_embedded_model_in_small(tmp_path: Path) -> None:
    """From nothing to a folder with every file; a second call finds everything done."""
    reports: list[TrainProgress] = []
    run = TrainingRun(PRESETS["cpu-smoke"], (), tmp_path / "run", CPU, on_progress=reports.append)
    train_mini(run, tmp_path / "model", MiniRecipe(pictures=32, large=4))
    assert [report.network for report in reports] == ["encoder", "encoder2", "text", "unet", "secondary", "upscaler"]
    assert {file.name for file in (tmp_path / "model").iterdir()} == {
        "card.json",
        "clip.safetensors",
        "clip2.safetensors",
        "secondary.safetensors",
        "unet.safetensors",
        "unet_vocab.txt",
        "upscaler.safetensors",
        "vocab.txt",
        "vocab2.txt",
    }
    checkpoint = (tmp_path / "run/unet.pt").read_bytes()
    train_mini(run, tmp_path / "model", MiniRecipe(pictures=32, large=4))
    assert reports[-1].step == 6
    assert len(checkpoint) == len((tmp_path / "run/unet.pt").read_bytes())
