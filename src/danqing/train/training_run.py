"""One training run: its pictures, vocabulary, networks and checkpoints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import device as Device
from torch import nn

from danqing.i18n import Text
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.secondary import Secondary
from danqing.models.srvgg_compact import Compact
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.storage.atomic import storage_errors, write_bytes
from danqing.train.batches import open_dataset
from danqing.train.captioned_folder import CaptionedFolder
from danqing.train.captions import characters
from danqing.train.config import OptimConfig, TrainConfig
from danqing.train.dataset import CaptionedDataset, ConcatDataset, train_val_split
from danqing.train.export import extend_vocabulary, read_weights, write_vocabulary
from danqing.train.scenes import english
from danqing.train.text_pretraining import AttributeClassifier
from danqing.train.trainer import Trainer

FILES = {
    "unet": "unet.safetensors",
    "secondary": "secondary.safetensors",
    "encoder": "clip.safetensors",
    "encoder2": "clip2.safetensors",
    "upscaler": "upscaler.safetensors",
}
"""Exported file of each network; encoder2 is a second CLIP, trained with another seed."""
VOCABULARIES = {"unet": "unet_vocab.txt", "encoder": "vocab.txt", "encoder2": "vocab2.txt"}
"""Vocabulary file of each network that reads captions."""
TEXT = "text"
"""The pretraining of the U-Net's text encoder, which is not exported by itself."""
SEED_OFFSETS = {"encoder2": 1}
"""Added to the seed of the run for a network."""
PUNCTUATION = ",.;:!?'-()，。、；：！？"


@dataclass(frozen=True)
class TrainProgress:
    """Progress of a training.

    Attributes:
        network: a key of `FILES`.
        step, pictures, minutes: completed so far, over all resumptions.
        loss: mean of the last recorded losses.
        figures: other measurements by name.
    """

    network: str
    step: int
    pictures: int
    minutes: float
    loss: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class TrainingRun:
    """Inputs and folder of a training.

    Attributes:
        recipe: configuration of networks and optimisation.
        data: folders of pictures, painted shards or captioned ones.
        out: folder of checkpoints, curves and samples.
        device: where to compute.
        heldout: another folder of pictures for evaluation; None holds out some of `data`.
        minutes: time limit of each network, over all resumptions; None for that of the recipe.
        start: folder of an export whose weights and vocabulary a new training starts from; None starts afresh.
        seed: random seed of pictures, captions, noise and weights.
        on_progress: called with every report.
        notify: called with messages to the user.
    """

    recipe: TrainConfig
    data: tuple[Path, ...]
    out: Path
    device: Device
    heldout: Path | None = None
    minutes: float | None = None
    start: Path | None = None
    seed: int = 0
    on_progress: Callable[[TrainProgress], None] = lambda _: None
    notify: Callable[[Text], None] = lambda _: None

    def datasets(self) -> tuple[CaptionedDataset, CaptionedDataset]:
        """Return the pictures for training and those for evaluation."""
        dataset = self.dataset()
        if self.heldout is not None:
            return dataset, open_dataset(self.heldout, self.recipe.resolution)
        return train_val_split(dataset)

    def dataset(self) -> CaptionedDataset:
        """Return all pictures of `data`."""
        parts = tuple(open_dataset(folder, self.recipe.resolution) for folder in self.data)
        return parts[0] if len(parts) == 1 else ConcatDataset(parts)

    def trainer(self, name: str) -> Trainer:
        """Return the trainer of a network, new or continued from its checkpoint.

        Args:
            name: a key of `FILES`, or `TEXT`.
        Raises:
            InvalidRequest: the checkpoint cannot be used.
            WeightsError: the weights to start from cannot be used.
        """
        optim = self.optim(name)
        if self.minutes is not None:
            optim = replace(optim, seconds=60 * self.minutes)
        with storage_errors(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
        file, network = self.out / f"{name}.pt", self.network(name)
        if not file.exists():
            self._initialize(name, network)
        return Trainer(network, optim, file, device=self.device, seed=self.seed + SEED_OFFSETS.get(name, 0))

    def optim(self, name: str) -> OptimConfig:
        """Return the optimisation of a network."""
        recipe = self.recipe
        own = {
            "unet": recipe.unet_optim,
            "secondary": recipe.secondary_optim,
            "upscaler": recipe.upscaler_optim,
            TEXT: recipe.text_optim,
        }
        return own.get(name, recipe.clip_optim)

    def network(self, name: str) -> nn.Module:
        """Return a network with fresh weights."""
        if name == "secondary":
            return Secondary(self.recipe.secondary)
        if name == "upscaler":
            return fresh_upscaler(Compact(self.recipe.upscaler))
        if name in ("unet", TEXT):
            config = self.recipe.unet_config(self._vocabulary_size("unet"))
            if name == "unet":
                return UNet(config)
            assert config.text is not None
            return AttributeClassifier(config.text)
        text = replace(self.recipe.text, vocabulary=self._vocabulary_size(name))
        return ChineseClip(ClipConfig(self.recipe.embed, self.recipe.vision, text))

    def trained(self, name: str) -> bool:
        """Return whether this run has trained the network."""
        return (self.out / f"{name}.pt").exists()

    def has(self, name: str) -> bool:
        """Return whether this run has trained the network or starts from one."""
        return self.trained(name) or (self.start is not None and (self.start / FILES[name]).exists())

    def tokenizer(self, name: str) -> Tokenizer:
        """Return the tokenizer of a network; its vocabulary is written, or extended by new characters of the captions.

        Args:
            name: a key of `VOCABULARIES`.
        """
        file, dataset = self.out / VOCABULARIES[name], self.dataset()
        source = None if self.start is None else self.start / VOCABULARIES[name]
        if not file.exists() and (source is None or not source.exists()):
            write_vocabulary(caption_characters(dataset), english.words(), file)
            return Tokenizer(file)
        if not file.exists() and source is not None:
            with storage_errors(self.out):
                self.out.mkdir(parents=True, exist_ok=True)
            write_bytes(file, source.read_bytes())
        begun = self.trained(name) or (name == "unet" and self.trained(TEXT))
        left_out = extend_vocabulary(caption_characters(dataset), file, grow=not begun)
        if left_out:
            self.notify(
                Text(
                    f"词表已满，说明中的这些字不会学到：{left_out[:40]}。换一个 --out，用 --start 从这些权重开始，词表会扩大。",
                    f"The vocabulary is full; these characters of the captions are not learnt: {left_out[:40]}. A new --out "
                    "that starts from these weights with --start enlarges it.",
                )
            )
        return Tokenizer(file)

    def unet(self) -> UNet | None:
        """Return the averaged U-Net that this run has trained so far, or starts from; None if there is none."""
        if not self.has("unet"):
            return None
        average = self.trainer("unet").average
        assert isinstance(average, UNet)
        return average

    def _vocabulary_size(self, name: str) -> int:
        if not (self.out / VOCABULARIES[name]).exists():
            self.tokenizer(name)
        return len(self._vocabulary(name))

    def _vocabulary(self, name: str) -> list[str]:
        return (self.out / VOCABULARIES[name]).read_text(encoding="utf-8").splitlines()

    def _shares_vocabulary(self) -> bool:
        """Return whether the U-Net and the CLIP have the same vocabulary."""
        return self._vocabulary("unet") == self._vocabulary("encoder")

    def _initialize(self, name: str, network: nn.Module) -> None:
        """Load the weights that a new training starts from.

        The U-Net's text encoder starts from the pretrained one, else from the CLIP of the run.
        """
        if name == TEXT:
            return
        if self.start is not None and (self.start / FILES[name]).exists():
            read_weights(network, self.start / FILES[name])
        elif isinstance(network, UNet) and self.trained(TEXT):
            start_text_encoder(network, self.trainer(TEXT).average.get_submodule("encoder"))
        elif isinstance(network, UNet) and self.trained("encoder") and self._shares_vocabulary():
            start_text_encoder(network, self.trainer("encoder").average)


def caption_characters(dataset: CaptionedDataset) -> frozenset[str]:
    """Return every character that a caption of the dataset can contain, with punctuation, digits and letters."""
    if isinstance(dataset, ConcatDataset):
        return frozenset(character for part in dataset.parts for character in caption_characters(part))
    if isinstance(dataset, CaptionedFolder):
        return frozenset("".join(text for captions in dataset.captions for text in captions))
    return characters() | frozenset("0123456789abcdefghijklmnopqrstuvwxyz" + PUNCTUATION)


def start_text_encoder(unet: UNet, source: nn.Module) -> None:
    """Copy a text encoder, or the text tower of a CLIP with the same vocabulary, into the text encoder of a U-Net."""
    assert unet.text_encoder is not None
    tensors = source.state_dict()
    own = unet.text_encoder.state_dict()
    own |= {name: tensors[name] for name in own if name in tensors}
    unet.text_encoder.load_state_dict(own)


def fresh_upscaler(network: Compact) -> Compact:
    """Initialise an upscaler so that it starts as an enlargement by repeated pixels."""
    convolutions = [layer for layer in network.body if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        nn.init.kaiming_normal_(layer.weight, a=0.25)  # the initial slope of PReLU
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    nn.init.zeros_(convolutions[-1].weight)
    return network
