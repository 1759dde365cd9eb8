"""The trainings of the networks, and the export of a run; the commands of `danqing train` call them."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from danqing.errors import ModelNotFound
from danqing.models.clip import ChineseClip
from danqing.models.clip_text import PAD
from danqing.models.tokenizer import Tokenizer
from danqing.storage.atomic import storage_errors, write_bytes
from danqing.train.adversarial import AdversarialExamples
from danqing.train.batches import AttributeGroups, draw_weighted, load_batch, mirror, sampling_distribution
from danqing.train.clip_loss import draw_pairs, encoder_loss, recall
from danqing.train.diffusion_loss import draw_times, picture_loss, time_density, velocity_loss
from danqing.train.export import read_training, write_card, write_weights
from danqing.train.text_pretraining import AttributeClassifier, attribute_accuracy, attribute_loss, draw_captions
from danqing.train.trainer import Trainer, TrainRng
from danqing.train.training_run import FILES, TEXT, VOCABULARIES, TrainingRun, TrainProgress
from danqing.train.visualize import draw_curve, paint_samples, write_grid

FAST = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)
HELD_OUT_CAPTIONS = 256
SAMPLES = 16
"""Pictures of a sample sheet, each of a held-out caption."""


def train_encoder(run: TrainingRun, name: str = "encoder") -> Trainer:
    """Train a CLIP; reports contain the loss and the recall on held-out pictures.

    Args:
        run: the run.
        name: encoder or encoder2.
    """
    recipe = run.recipe
    dataset, heldout = run.datasets()
    tokenizer, groups = run.tokenizer(name), AttributeGroups.of(dataset)
    trainer, unet = run.trainer(name), run.unet()

    def loss(network: nn.Module, rng: TrainRng) -> Tensor:
        assert isinstance(network, ChineseClip)
        indices = groups.draw(recipe.clip_optim.micro_batch, recipe.related, rng.numbers)
        pairs = draw_pairs(dataset, indices, recipe, rng, unet)
        adversary = AdversarialExamples(recipe.degradation, rng.noise)
        return encoder_loss(network, tokenizer, pairs, recipe.words, adversary, recipe.dtype)

    def report(trainer: Trainer) -> None:
        network = trainer.average
        assert isinstance(network, ChineseClip)
        figures = asdict(recall(network, tokenizer, heldout, words=recipe.words))
        trainer.evals.append({"step": trainer.step, **figures})
        _report(run, trainer, name, figures)

    with sdpa_kernel(SDPBackend.MATH if run.device.type == "cpu" else list(FAST)):  # a third faster on a CPU
        trainer.run(loss, report)
    return trainer


def train_text_encoder(run: TrainingRun) -> Trainer:
    """Train the U-Net's text encoder on captions of random scenes; reports contain the loss and the accuracy."""
    recipe, device = run.recipe, run.device
    tokenizer, trainer = run.tokenizer("unet"), run.trainer(TEXT)

    def draw(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        captions, labels = draw_captions(count, rng)
        return tokenize(tokenizer, captions, recipe.words, device), labels.to(device)

    def loss(network: nn.Module, rng: TrainRng) -> Tensor:
        assert isinstance(network, AttributeClassifier)
        return attribute_loss(network, *draw(recipe.text_optim.micro_batch, rng.numbers))

    def report(trainer: Trainer) -> None:
        assert isinstance(trainer.average, AttributeClassifier)
        accuracy = attribute_accuracy(trainer.average, *draw(HELD_OUT_CAPTIONS, np.random.default_rng(run.seed)))
        _report(run, trainer, TEXT, {"accuracy": accuracy})

    trainer.run(loss, report)
    return trainer


def train_denoiser(run: TrainingRun) -> Trainer:
    """Train the text-conditional U-Net; reports contain the loss and a sheet of samples of held-out captions."""
    recipe, device = run.recipe, run.device
    dataset, heldout = run.datasets()
    tokenizer, trainer = run.tokenizer("unet"), run.trainer("unet")
    density = time_density(recipe.snr, recipe.floor, recipe.high_noise).to(device)
    distribution = sampling_distribution(dataset, recipe.attribute_weights)
    prompts = [heldout.full_caption(place) for place in range(min(SAMPLES, len(heldout)))]

    def loss(network: nn.Module, rng: TrainRng) -> Tensor:
        indices = draw_weighted(distribution, recipe.unet_optim.micro_batch, rng.numbers)
        captions = [
            dataset.full_caption(int(place))
            if rng.numbers.random() < recipe.complete
            else dataset.caption(int(place), rng.numbers)
            for place in indices
        ]
        pictures = mirror(load_batch(dataset, indices, device), captions, rng.numbers)
        kept = ["" if rng.numbers.random() < recipe.dropout else caption for caption in captions]
        tau = draw_times(density, len(indices), rng.noise)
        tokens = tokenize(tokenizer, kept, recipe.words, device)
        return picture_loss(network, 2 * pictures - 1, tau, rng, tokens, recipe.dtype)

    def report(trainer: Trainer) -> None:
        tokens = tokenize(tokenizer, prompts, recipe.words, device)
        grid = paint_samples(trainer.average, tokens, resolution=recipe.resolution)
        write_grid(grid, run.out / f"samples-{trainer.step:06d}.png")
        _report(run, trainer, "unet", {})

    trainer.run(loss, report)
    return trainer


def train_secondary(run: TrainingRun) -> Trainer:
    """Train the secondary network."""
    dataset, _ = run.datasets()
    trainer = run.trainer("secondary")
    density = time_density(run.recipe.snr, run.recipe.floor).to(run.device)

    def loss(network: nn.Module, rng: TrainRng) -> Tensor:
        indices = rng.numbers.integers(len(dataset), size=run.recipe.secondary_optim.micro_batch)
        tau = draw_times(density, len(indices), rng.noise)
        pictures = load_batch(dataset, indices, run.device)
        return velocity_loss(network, 2 * pictures - 1, tau, rng, run.recipe.dtype)

    trainer.run(loss, lambda trainer: _report(run, trainer, "secondary", {}))
    return trainer


def tokenize(tokenizer: Tokenizer, captions: list[str], words: int, device: torch.device) -> Tensor:
    """Return the tokens of captions, [N, L], L that of the longest caption and at most `words`."""
    tokens = tokenizer.encode(captions, words)
    return tokens[:, : int((tokens != PAD).sum(1).max())].to(device)


def export(run: TrainingRun, folder: Path) -> None:
    """Write the averaged weights of every trained network as fp16, the vocabulary and the card.

    Networks that the run starts from and has not trained are copied, with the vocabulary that they have learnt.

    Args:
        run: the run; its trainings need not be finished.
        folder: target folder; created if it is missing.
    Raises:
        ModelNotFound: the run has no trained network.
        StorageError: the folder cannot be written.
    """
    networks = [name for name in FILES if run.has(name)]
    if not networks:
        raise ModelNotFound(
            f"{run.out} 里还没有训练过的网络：请先运行 danqing train all。",
            f"No network has been trained in {run.out}: run danqing train all first.",
        )
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    before = read_training(run.start)
    figures: dict[str, object] = {}
    for name in networks:
        files = [FILES[name], *([VOCABULARIES[name]] if name in VOCABULARIES else [])]
        if run.start is not None and not run.trained(name):
            for file in files:
                write_bytes(folder / file, (run.start / file).read_bytes())
            figures |= {name: before[name]} if name in before else {}
            continue
        trainer = run.trainer(name)
        write_weights(trainer.average, folder / FILES[name])
        for file in files[1:]:
            write_bytes(folder / file, (run.out / file).read_bytes())
        figures[name] = _figures(trainer, before.get(name))
    card = {
        "name": folder.resolve().name,
        "prediction": "x0",
        "resolution": run.recipe.resolution,
        "training": figures,
    }
    write_card(folder, card)


def _figures(trainer: Trainer, before: object | None) -> object:
    """Return the entry of card.json about the training of one network.

    Args:
        trainer: its trainer.
        before: entry of the weights that the training started from.
    """
    if not trainer.step and before is not None:
        return before
    losses = [loss for _, loss in trainer.losses[-20:]]
    return {
        "parameters": sum(weight.numel() for weight in trainer.network.parameters()),
        "steps": trainer.step,
        "pictures_seen": trainer.pictures,
        "minutes": round(trainer.seconds / 60, 1),
        "loss": round(float(np.mean(losses)), 4) if losses else None,
        **({"heldout": trainer.evals[-1]} if trainer.evals else {}),
        **({"before": before} if before is not None else {}),
    }


def _report(run: TrainingRun, trainer: Trainer, name: str, figures: Mapping[str, float]) -> None:
    draw_curve(trainer.losses, run.out / f"{name}.png")
    loss = float(np.mean([loss for _, loss in trainer.losses[-10:]]))
    run.on_progress(TrainProgress(name, trainer.step, trainer.pictures, trainer.seconds / 60, loss, figures))
