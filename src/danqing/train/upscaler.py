"""Training of the upscaler on pairs of large pictures and small versions of them.

A small version is the average over areas, or that after noising and denoising by the U-Net: the upscaler learns to sharpen the
softness of the U-Net's own pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from danqing.diffusion.noise_schedule import alpha_sigma
from danqing.errors import InvalidRequest, ModelNotFound
from danqing.storage.atomic import atomic_path, storage_errors
from danqing.train.captions import full_caption
from danqing.train.diffusion_loss import add_noise, estimate_x0
from danqing.train.perceptual import PerceptualDistance
from danqing.train.scenes import Scene
from danqing.train.trainer import Trainer, TrainRng
from danqing.train.training_run import TrainingRun, TrainProgress

SCALE = 4
"""Factor between the sides of the two pictures of a pair."""
NOISE_RANGE = (50, 300)
"""Model times up to which pictures are noised before the U-Net denoises them."""
STEPS = 3
"""Denoising steps."""
PERCEPTUAL_WEIGHT = 0.1
"""Weight of the perceptual distance beside the mean absolute error."""
L1_SHARE = 0.25
"""Share of the training, at its beginning, without the perceptual distance, which takes more than half of the time."""
EVALUATED = 16
"""Crops of an evaluation."""

Pixels = NDArray[np.uint8]
Denoise = Callable[[Tensor, Tensor, list[str]], Tensor]
"""The estimate of clean pictures, [B, 3, H, W] in [-1, 1], from noisy ones, their model times [B] and captions."""


@dataclass(frozen=True)
class UpscalePairs:
    """Pairs of large pictures and several small versions of each.

    large: arrays of [n, 4R, 4R, 3]; small: arrays of [n, versions, R, R, 3].
    """

    large: tuple[Pixels, ...]
    small: tuple[Pixels, ...]

    @classmethod
    def open(cls, folder: Path) -> "UpscalePairs":
        """Map the pairs of a folder into memory: shards `00000.npy` with `00000.small`."""
        files = sorted(file for file in folder.glob("*.npy") if small_file(file).exists())
        large = tuple(np.load(file, mmap_mode="r") for file in files)
        small = tuple(np.load(small_file(file), mmap_mode="r") for file in files)
        return cls(large, small)

    def __len__(self) -> int:
        return sum(len(shard) for shard in self.large)

    def draw(self, count: int, crop: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw random crops, flipped and transposed at random.

        Args:
            count: number of crops.
            crop: side of the small crop in pixels.
            rng: draws pictures, versions, positions and flips.
        Returns:
            small crops [count, 3, crop, crop] and large ones [count, 3, 4*crop, 4*crop], in [0, 1].
        """
        crops = [self._crop(crop, rng) for _ in range(count)]
        small, large = (_to_tensor(np.stack(side)) / 255 for side in zip(*crops, strict=True))
        return small, large

    def _crop(self, crop: int, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        place = int(rng.integers(len(self)))
        shard = 0
        while place >= len(self.large[shard]):
            place -= len(self.large[shard])
            shard += 1
        versions = self.small[shard]
        small = versions[place, int(rng.integers(versions.shape[1]))]  # pyright: ignore[reportUnknownArgumentType]
        row, column = (int(rng.integers(versions.shape[2] - crop + 1)) for _ in range(2))  # pyright: ignore[reportUnknownArgumentType]
        pair = (
            small[row : row + crop, column : column + crop],
            self.large[shard][place, row * SCALE : (row + crop) * SCALE, column * SCALE : (column + crop) * SCALE],
        )
        down, across, transposed = (bool(rng.random() < 0.5) for _ in range(3))
        return _turned(pair[0], down, across, transposed), _turned(pair[1], down, across, transposed)


def small_file(large: Path) -> Path:
    """Return the file of the small versions of a shard, a NumPy array."""
    return large.with_suffix(".small")


def train_upscaler(run: TrainingRun, folder: Path) -> Trainer:
    """Train the upscaler; reports contain the errors on held-out pairs, and those of Lanczos resampling.

    Args:
        run: the run; its U-Net makes the small versions.
        folder: shards of large pictures, four times the resolution of the run. The last shard is held out, if there are two.
    Raises:
        InvalidRequest: the folder has no shards of that size.
        ModelNotFound: the run has no U-Net.
    """
    prepare_small_versions(run, folder)
    pairs = UpscalePairs.open(folder)
    heldout = UpscalePairs(pairs.large[-1:], pairs.small[-1:])
    if len(pairs.large) > 1:
        pairs = UpscalePairs(pairs.large[:-1], pairs.small[:-1])
    perceptual = PerceptualDistance().to(run.device)
    trainer, optim, crop = run.trainer("upscaler"), run.optim("upscaler"), run.recipe.crop

    def loss(network: nn.Module, rng: TrainRng) -> Tensor:
        small, large = (part.to(run.device) for part in pairs.draw(optim.micro_batch, crop, rng.numbers))
        return upscale_loss(network, small, large, perceptual if trainer.progress > L1_SHARE else None)

    def report(trainer: Trainer) -> None:
        small, large = (part.to(run.device) for part in heldout.draw(EVALUATED, crop, np.random.default_rng(0)))
        figures = evaluate(trainer.average, small, large, perceptual)
        trainer.evals.append({"step": trainer.step, **figures})
        losses = [loss for _, loss in trainer.losses[-10:]]
        mean = float(np.mean(losses))
        run.on_progress(TrainProgress("upscaler", trainer.step, trainer.pictures, trainer.seconds / 60, mean, figures))

    trainer.run(loss, report)
    return trainer


@torch.no_grad()
def evaluate(network: nn.Module, small: Tensor, large: Tensor, perceptual: nn.Module) -> dict[str, float]:
    """Return the mean absolute error and the perceptual distance of the upscaler and of Lanczos resampling.

    Args:
        network: the upscaler.
        small: [B, 3, H, W] in [0, 1].
        large: [B, 3, 4H, 4W] in [0, 1].
        perceptual: distance of two batches of pictures.
    """
    size = (large.shape[3], large.shape[2])
    pictures: NDArray[np.float32] = small.permute(0, 2, 3, 1).cpu().numpy()
    resampled = [_lanczos(picture, size) for picture in pictures]
    outputs = {
        "": network(small).clamp(0, 1),
        "lanczos_": _to_tensor(np.stack(resampled)).clamp(0, 1).to(large.device),
    }
    figures: dict[str, float] = {}
    for name, output in outputs.items():
        figures[f"{name}error"] = float((output - large).abs().mean())
        figures[f"{name}distance"] = float(perceptual(output, large))
    return figures


def prepare_small_versions(run: TrainingRun, folder: Path) -> None:
    """Write the small versions of the shards that lack them; see `train_upscaler`."""
    side = SCALE * run.recipe.resolution
    files = sorted(folder.glob("*.npy"))
    if not files or np.load(files[0], mmap_mode="r").shape[1] != side:
        raise InvalidRequest(
            f"{folder} 里没有边长 {side} 的图片：请先用 danqing train scenes --size {side} 生成。",
            f"{folder} has no pictures of {side} pixels: generate them with danqing train scenes --size {side}.",
        )
    missing = [file for file in files if not small_file(file).exists()]
    unet = run.unet() if missing else None
    if missing and unet is None:
        raise ModelNotFound(f"{run.out} 里还没有训练过的 U-Net。", f"No U-Net has been trained in {run.out}.")
    tokenizer, rng = run.tokenizer("unet"), TrainRng.seeded(run.seed, run.device)

    def denoise(x: Tensor, tau: Tensor, captions: list[str]) -> Tensor:
        assert unet is not None
        tokens = tokenizer.encode(captions, run.recipe.words).to(run.device)
        return estimate_x0(unet, x.to(run.device), tau.to(run.device), tokens).cpu()

    for file in missing:
        lines = file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
        write_small_versions(file, [full_caption(Scene.from_json(line)) for line in lines], denoise, rng)


def write_small_versions(file: Path, captions: list[str], denoise: Denoise, rng: TrainRng, *, batch: int = 16) -> None:
    """Write the small versions of a shard: the average over areas, and that after noising and denoising.

    Args:
        file: the shard of large pictures, [n, 4R, 4R, 3].
        captions: one for each picture.
        denoise: the U-Net.
        rng: draws the noise.
        batch: pictures denoised at once.
    """
    large: Pixels = np.load(file, mmap_mode="r")
    side = large.shape[1] // SCALE
    plain = np.stack([_area_average(picture, side) for picture in large])
    repainted: Pixels = np.empty_like(plain)
    for first in range(0, len(plain), batch):
        part = slice(first, first + batch)
        pictures = _to_tensor(plain[part]) / 127.5 - 1
        estimate = repaint(denoise, pictures, captions[part], rng)
        repainted[part] = ((estimate.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    with storage_errors(file.parent), atomic_path(small_file(file)) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.stack([plain, repainted], axis=1))


@torch.no_grad()
def repaint(denoise: Denoise, pictures: Tensor, captions: list[str], rng: TrainRng) -> Tensor:
    """Noise pictures and denoise them in a few DDIM steps, like the last steps of a run.

    Args:
        denoise: the U-Net.
        pictures: [B, 3, H, W] in [-1, 1].
        captions: one for each.
        rng: draws the noise and its amount, within `NOISE_RANGE`.
    Returns:
        [B, 3, H, W], about [-1, 1].
    """
    count = len(pictures)
    start = torch.tensor(rng.numbers.uniform(*NOISE_RANGE, count).tolist())
    x = add_noise(pictures, start, rng).x
    for step in range(STEPS):
        now, after = start * (1 - step / STEPS), start * (1 - (step + 1) / STEPS)
        estimate = denoise(x, now, captions)
        if step == STEPS - 1:
            return estimate
        alpha, sigma = (part[:, None, None, None] for part in alpha_sigma(now))
        alpha_after, sigma_after = (part[:, None, None, None] for part in alpha_sigma(after))
        x = alpha_after * estimate + sigma_after * (x - alpha * estimate) / sigma
    raise AssertionError("STEPS is positive")


def upscale_loss(network: nn.Module, small: Tensor, large: Tensor, perceptual: nn.Module | None) -> Tensor:
    """Mean absolute error, and the perceptual distance if one is given.

    Args:
        network: [B, 3, H, W] -> [B, 3, 4H, 4W].
        small: [B, 3, H, W] in [0, 1].
        large: [B, 3, 4H, 4W] in [0, 1].
        perceptual: distance of two batches of pictures, a scalar.
    Returns:
        a scalar.
    """
    output = network(small)
    loss = F.l1_loss(output, large)
    return loss if perceptual is None else loss + PERCEPTUAL_WEIGHT * perceptual(output, large)


def _area_average(picture: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _lanczos(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4), np.float32)


def _to_tensor(pictures: NDArray[Any]) -> Tensor:
    """Return pictures [N, H, W, 3] as float32 [N, 3, H, W]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()  # pyright: ignore[reportUnknownMemberType]


def _turned(picture: Pixels, down: bool, across: bool, transposed: bool) -> Pixels:
    picture = picture[::-1] if down else picture
    picture = picture[:, ::-1] if across else picture
    return np.ascontiguousarray(picture.transpose(1, 0, 2) if transposed else picture)
