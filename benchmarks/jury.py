"""The judge: a CLIP that never guides, of another shape than those that do, trained apart on other pictures.

Its weights lie in benchmarks/judge, outside the package. They were made on one core in an hour and ten minutes; `attacked`
in danqing/train/recipe.py was 0 in the first forty-five:

    danqing train scenes --write judge/data --count 20000 --seed 2 --size 64
    danqing train scenes --write judge/heldout --count 1000 --seed 900002 --size 64
    danqing train encoder --preset judge --seed 2 --data judge/data --heldout judge/heldout \\
        --out judge/first --minutes 45 --threads 1
    danqing train export --preset judge --seed 2 --data judge/data --out judge/first --to judge/start
    danqing train encoder --preset judge --seed 3 --data judge/data --heldout judge/heldout \\
        --out judge/run --start judge/start --minutes 25 --threads 1
    danqing train export --preset judge --seed 3 --data judge/data --out judge/run --start judge/start --to benchmarks/judge

A judge must not be led to believe what only the guide sees (benchmarks/misled.py): hence the second part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from danqing.models.clip import ChineseClip
from danqing.models.load import load_encoder
from danqing.models.tokenizer import Tokenizer
from danqing.train.captions import full_caption
from danqing.train.clip_loss import encode_texts, normalised
from danqing.train.dataset import Pixels
from danqing.train.scenes.attributes import Scene

FOLDER = Path(__file__).parent / "judge"
WORDS = 52
BATCH = 128


@dataclass(frozen=True)
class Judge:
    """A CLIP and its words."""

    clip: ChineseClip
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Judge":
        """The judge whose clip.safetensors and vocab.txt lie in a folder."""
        return cls.read_from(folder / "clip.safetensors", folder / "vocab.txt")

    @classmethod
    def read_from(cls, weights: Path, vocab: Path) -> "Judge":
        """The CLIP of these files as a judge."""
        clip = load_encoder(weights)
        assert isinstance(clip, ChineseClip)
        return cls(clip, Tokenizer(vocab))

    @torch.no_grad()
    def see(self, pictures: Sequence[Pixels]) -> Tensor:
        """Pictures of any size, [H, W, 3] each -> unit embeddings [N, D]."""
        small = [shrunk(picture, self.clip.resolution) for picture in pictures]
        return torch.cat([self.embed(part) for part in as_batch(small).split(BATCH)])

    def embed(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, R, R] in [0, 1] -> unit embeddings [N, D], with a gradient where one is wanted."""
        return F.normalize(self.clip.encode_image(normalised(pictures)), dim=1)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> Tensor:
        """Texts -> unit embeddings [P, D]."""
        return F.normalize(encode_texts(self.clip, self.tokenizer, texts, WORDS), dim=1)

    @torch.no_grad()
    def compare(self, seen: Tensor, own: Scene, rivals: Sequence[Scene]) -> Tensor:
        """Cosines of pictures, seen [N, D], and captions: [N, 1 + rivals], the own caption first."""
        return seen @ self.read([full_caption(scene) for scene in (own, *rivals)]).T

    def log_probability(self, cosines: Tensor) -> list[float]:
        """The natural logarithm of the probability that the own caption has among all, as from `compare`: N numbers."""
        return (self.clip.logit_scale.exp() * cosines).log_softmax(1)[:, 0].tolist()


def rank(cosines: Tensor) -> list[int]:
    """How many rivals' captions each picture lies nearer to than its own, as from `Judge.compare`: N numbers; 0 is best."""
    return [int(count) for count in (cosines[:, 1:] >= cosines[:, :1]).sum(1)]


def as_batch(pictures: Sequence[Pixels] | Pixels) -> Tensor:
    """Pictures of one size, [H, W, 3] each -> [N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 255  # pyright: ignore[reportUnknownMemberType]


def shrunk(picture: Pixels, side: int) -> Pixels:
    """A picture as a square of that side, averaged over areas."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def read_picture(file: Path) -> Pixels:
    """A picture file as [H, W, 3]."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
