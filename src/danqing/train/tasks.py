"""The three trainings and the export of one run, each a call; `danqing train` is thin over them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from danqing.errors import ModelNotFound
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.secondary import Secondary
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.train.adversarial import AdversarialExamples
from danqing.train.batches import AttributeGroups, load_batch, open_corpus
from danqing.train.captioned_folder import CaptionedFolder
from danqing.train.captions import characters
from danqing.train.clip_loss import draw_pairs, encoder_loss, recall
from danqing.train.config import OptimConfig, TrainConfig
from danqing.train.dataset import CaptionedDataset, ConcatDataset, hold_out
from danqing.train.diffusion_loss import draw_times, picture_loss, time_density, velocity_loss
from danqing.train.export import read_training, read_weights, write_card, write_vocabulary, write_weights
from danqing.train.trainer import Trainer, TrainRng
from danqing.train.visualize import draw_curve, paint_samples, write_grid

FAST = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)
Say = Callable[["TrainProgress"], None]
FILES = {"unet": "unet.safetensors", "secondary": "secondary.safetensors", "encoder": "clip.safetensors"}
"""The exported file of each network."""
SECOND = {"clip.safetensors": "clip2.safetensors", "vocab.txt": "vocab2.txt"}
"""The files of another export's CLIP, and what they are called beside this one's."""
NoiseLoss = Callable[[nn.Module, Tensor, Tensor, TrainRng], Tensor]


@dataclass(frozen=True)
class TrainProgress:
    """How far a training is.

    network: encoder, unet or secondary; step, pictures, minutes: done so far, over every resumption.
    loss: the mean of the last ones; figures: what else was measured, by name.
    """

    network: str
    step: int
    pictures: int
    minutes: float
    loss: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class TrainingRun:
    """Where and on what a training happens.

    recipe: what is trained.
    data: folders of pictures, painted shards or captioned ones.
    out: folder of checkpoints, curves and samples.
    device: where to compute.
    heldout: another folder of pictures to judge by; None holds some of `data` out.
    minutes: limit for one network's training, over every resumption; None for the recipe's.
    start: folder of an export whose weights a new training begins with, its vocabulary included; None begins afresh.
    seed: of the order of the pictures, their captions and their noise.
    say: hears every report.
    """

    recipe: TrainConfig
    data: tuple[Path, ...]
    out: Path
    device: torch.device
    heldout: Path | None = None
    minutes: float | None = None
    start: Path | None = None
    seed: int = 0
    say: Say = lambda _: None

    def corpora(self) -> tuple[CaptionedDataset, CaptionedDataset]:
        """The pictures to train on and the pictures to judge by."""
        corpus = self.corpus()
        if self.heldout is not None:
            return corpus, open_corpus(self.heldout, self.recipe.resolution)
        return hold_out(corpus)

    def corpus(self) -> CaptionedDataset:
        """All pictures of `data`."""
        parts = tuple(open_corpus(folder, self.recipe.resolution) for folder in self.data)
        return parts[0] if len(parts) == 1 else ConcatDataset(parts)

    def training(self, network: nn.Module, course: OptimConfig, name: str) -> Trainer:
        """The training of that name, new or gone on with."""
        if self.minutes is not None:
            course = replace(course, seconds=60 * self.minutes)
        self.out.mkdir(parents=True, exist_ok=True)
        file = self.out / f"{name}.pt"
        if self.start is not None and not file.exists():
            read_weights(network, self.start / FILES[name])
        return Trainer(network, course, file, device=self.device, seed=self.seed)

    def trained(self, name: str) -> bool:
        """Whether this run has trained the network of that name."""
        return (self.out / f"{name}.pt").exists()

    def has(self, name: str) -> bool:
        """Whether this run has trained the network of that name, or starts from one."""
        return self.trained(name) or (self.start is not None and (self.start / FILES[name]).exists())

    def tokenizer(self) -> Tokenizer:
        """The tokens of this run; the vocabulary is written when it is first asked for."""
        file = self.out / "vocab.txt"
        if not file.exists() and self.start is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes((self.start / "vocab.txt").read_bytes())
        elif not file.exists():
            write_vocabulary(vocabulary(self.corpus()), file)
        return Tokenizer(file)

    def clip(self) -> ChineseClip:
        """A fresh CLIP with this run's vocabulary."""
        self.tokenizer()
        size = len((self.out / "vocab.txt").read_text(encoding="utf-8").splitlines())
        text = replace(self.recipe.text, vocabulary=size)
        return ChineseClip(ClipConfig(self.recipe.embed, self.recipe.vision, text))

    def unet(self) -> nn.Module | None:
        """The U-Net that this run has trained so far, or that it starts from, ready to guess pictures; None where there is none."""
        if not self.has("unet"):
            return None
        return self.training(UNet(self.recipe.unet), self.recipe.denoiser, "unet").average


def vocabulary(corpus: CaptionedDataset) -> frozenset[str]:
    """Every character that a caption of the corpus can hold."""
    if isinstance(corpus, ConcatDataset):
        return frozenset(character for part in corpus.parts for character in vocabulary(part))
    if isinstance(corpus, CaptionedFolder):
        return frozenset("".join(text for said in corpus.captions for text in said))
    return characters() | frozenset("0123456789abcdefghijklmnopqrstuvwxyz")


def train_encoder(studio: TrainingRun) -> Trainer:
    """Train the CLIP; every report tells the loss and the recall on held-out pictures."""
    recipe = studio.recipe
    corpus, heldout = studio.corpora()
    tokenizer, families = studio.tokenizer(), AttributeGroups.of(corpus)
    training = studio.training(studio.clip(), recipe.encoder, "encoder")
    unet = studio.unet()

    def loss(network: nn.Module, chance: TrainRng) -> Tensor:
        assert isinstance(network, ChineseClip)
        places = families.draw(recipe.encoder.batch, recipe.kin, chance.numbers)
        pairs = draw_pairs(corpus, places, recipe, chance, unet)
        return encoder_loss(
            network, tokenizer, pairs, recipe.words, AdversarialExamples(recipe.blemishes, chance.noise)
        )

    def report(training: Trainer) -> None:
        network = training.average
        assert isinstance(network, ChineseClip)
        found = asdict(recall(network, tokenizer, heldout, words=recipe.words))
        training.notes.append({"step": training.step, **found})
        _tell(studio, training, "encoder", found)

    with sdpa_kernel(SDPBackend.MATH if studio.device.type == "cpu" else list(FAST)):  # a third faster on a CPU
        training.run(loss, report)
    return training


def train_denoiser(studio: TrainingRun) -> Trainer:
    """Train the U-Net; every report tells the loss and paints a grid."""
    training = studio.training(UNet(studio.recipe.unet), studio.recipe.denoiser, "unet")

    def report(training: Trainer) -> None:
        grid = paint_samples(training.average, resolution=studio.recipe.resolution)
        write_grid(grid, studio.out / f"samples-{training.step:06d}.png")
        _tell(studio, training, "unet", {})

    return _train_on_noise(studio, training, picture_loss, report)


def train_secondary(studio: TrainingRun) -> Trainer:
    """Train the secondary network."""
    training = studio.training(Secondary(studio.recipe.secondary), studio.recipe.helper, "secondary")
    return _train_on_noise(studio, training, velocity_loss, lambda training: _tell(studio, training, "secondary", {}))


def export(studio: TrainingRun, folder: Path, second: Path | None = None) -> None:
    """Write the averaged weights of every network that was trained as fp16, the vocabulary and the card.

    Args:
        studio: the run; its trainings need not be finished.
        folder: where to; made if it is missing.
        second: folder of another export whose CLIP is to look at the pictures as well; without one, a second CLIP
            of what the run starts from stays, unless the run has trained a CLIP of its own.
    Raises:
        ModelNotFound: nothing has been trained in this run, or the other export has no CLIP.
    """
    recipe = studio.recipe
    networks = {
        "unet": (UNet(recipe.unet), recipe.denoiser),
        "secondary": (Secondary(recipe.secondary), recipe.helper),
        "encoder": (studio.clip(), recipe.encoder),
    }
    trained = {name for name in networks if studio.has(name)}
    if not trained:
        raise ModelNotFound(
            f"{studio.out} 里还没有训练过的网络：请先运行 danqing train all。",
            f"no network has been trained in {studio.out}: run danqing train all first.",
        )
    before = read_training(studio.start)
    figures: dict[str, object] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (network, course) in networks.items():
        if name not in trained:
            continue
        training = studio.training(network, course, name)
        write_weights(training.average, folder / FILES[name])
        if not training.step and name in before:
            figures[name] = before[name]
            continue
        figures[name] = {
            "parameters": sum(weight.numel() for weight in network.parameters()),
            "steps": training.step,
            "pictures_seen": training.pictures,
            "minutes": round(training.seconds / 60, 1),
            "loss": round(float(np.mean([loss for _, loss in training.losses[-20:]])), 4) if training.losses else None,
            **({"heldout": training.notes[-1]} if training.notes else {}),
            **({"before": before[name]} if name in before else {}),
        }
    (folder / "vocab.txt").write_bytes((studio.out / "vocab.txt").read_bytes())
    if second is not None:
        figures["encoder2"] = _take(second, SECOND, folder).get("encoder")
    elif (
        studio.start is not None
        and (studio.start / SECOND[FILES["encoder"]]).exists()
        and not studio.trained("encoder")
    ):
        figures["encoder2"] = _take(studio.start, {name: name for name in SECOND.values()}, folder).get("encoder2")
    facts = {"name": folder.resolve().name, "prediction": "x0", "resolution": recipe.resolution, "training": figures}
    write_card(folder, facts)


def _take(other: Path, names: Mapping[str, str], folder: Path) -> Mapping[str, object]:
    """Copy files of another export under other names, and return what its card says of its networks' training.

    Raises:
        ModelNotFound: a file is not there.
    """
    for theirs, here in names.items():
        if not (other / theirs).is_file():
            raise ModelNotFound(
                f"{other} 里没有 {theirs}，它不是带 CLIP 的导出。请另给一个 --second。",
                f"{other} has no {theirs}: it is no export with a CLIP. Name another folder with --second.",
            )
        (folder / here).write_bytes((other / theirs).read_bytes())
    return read_training(other)


def _train_on_noise(
    studio: TrainingRun, training: Trainer, error: NoiseLoss, report: Callable[[Trainer], None]
) -> Trainer:
    corpus, _ = studio.corpora()
    families = AttributeGroups(len(corpus), ())
    density = time_density(studio.recipe.snr, studio.recipe.floor).to(studio.device)

    def loss(network: nn.Module, chance: TrainRng) -> Tensor:
        places = families.draw(training.course.batch, 0.0, chance.numbers)
        pictures = load_batch(corpus, places, studio.device)
        tau = draw_times(density, len(places), chance.noise)
        return error(network, 2 * pictures - 1, tau, chance)

    training.run(loss, report)
    return training


def _tell(studio: TrainingRun, training: Trainer, name: str, figures: Mapping[str, float]) -> None:
    draw_curve(training.losses, studio.out / f"{name}.png")
    loss = float(np.mean([loss for _, loss in training.losses[-10:]]))
    studio.say(TrainProgress(name, training.step, training.pictures, training.seconds / 60, loss, figures))
