"""The judge: a CLIP of another architecture than the guiding ones, trained on other pictures and never used for guidance.

Its weights lie in benchmarks/judge, outside the package. They were made on one core in two hours, in the first forty-five
minutes with `DegradationConfig.attacked` 0:

    danqing train scenes --write judge/data --count 20000 --seed 2 --size 64
    danqing train scenes --write judge/heldout --count 1000 --seed 900002 --size 64
    danqing train encoder --preset judge --seed 2 --data judge/data --heldout judge/heldout \\
        --out judge/first --minutes 45 --threads 1
    danqing train export --preset judge --seed 2 --data judge/data --out judge/first --to judge/start
    danqing train encoder --preset judge --seed 3 --data judge/data --heldout judge/heldout \\
        --out judge/run --start judge/start --minutes 25 --threads 1
    danqing train export --preset judge --seed 3 --data judge/data --out judge/run --start judge/start --to judge/second
    danqing train scenes --write judge/new --count 30000 --seed 2 --size 64
    danqing train encoder --preset judge --seed 4 --data judge/new --heldout judge/heldout \\
        --out judge/last --start judge/second --minutes 45 --threads 1
    danqing train export --preset judge --seed 4 --data judge/new --out judge/last --start judge/second --to benchmarks/judge

The second part makes it robust against changes that only a guiding CLIP sees. The last part adds what `scenes` could not
paint before: colours, numbers, sides, sizes and more things.
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
    """A CLIP and its tokenizer."""

    clip: ChineseClip
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Judge":
        """Load a judge from a folder with clip.safetensors and vocab.txt."""
        return cls.read_from(folder / "clip.safetensors", folder / "vocab.txt")

    @classmethod
    def read_from(cls, weights: Path, vocab: Path) -> "Judge":
        """Load a CLIP as a judge."""
        clip = load_encoder(weights)
        assert isinstance(clip, ChineseClip)
        return cls(clip, Tokenizer(vocab))

    @torch.no_grad()
    def see(self, pictures: Sequence[Pixels]) -> Tensor:
        """Embed pictures of any size, [H, W, 3] each -> unit vectors [N, D]."""
        small = [shrunk(picture, self.clip.resolution) for picture in pictures]
        return torch.cat([self.embed(part) for part in as_batch(small).split(BATCH)])

    def embed(self, pictures: Tensor) -> Tensor:
        """Embed pictures [N, 3, R, R] in [0, 1] -> unit vectors [N, D], differentiable."""
        return F.normalize(self.clip.encode_image(normalised(pictures)), dim=1)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> Tensor:
        """Embed texts -> unit vectors [P, D]."""
        return F.normalize(encode_texts(self.clip, self.tokenizer, texts, WORDS), dim=1)

    @torch.no_grad()
    def compare(self, seen: Tensor, own: Scene, rivals: Sequence[Scene]) -> Tensor:
        """Return the cosines of picture embeddings [N, D] and captions -> [N, 1 + other captions], the own caption first."""
        return seen @ self.read([full_caption(scene) for scene in (own, *rivals)]).T

    def log_probability(self, cosines: Tensor) -> list[float]:
        """Return for each of N pictures the log probability of its own caption among all, from `compare`."""
        return (self.clip.logit_scale.exp() * cosines).log_softmax(1)[:, 0].tolist()


def rank(cosines: Tensor) -> list[int]:
    """Return for each of N pictures how many other captions are nearer than its own, from `Judge.compare`; 0 is best."""
    return [int(count) for count in (cosines[:, 1:] >= cosines[:, :1]).sum(1)]


def as_batch(pictures: Sequence[Pixels] | Pixels) -> Tensor:
    """Stack pictures of one size, [H, W, 3] each -> [N, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 255  # pyright: ignore[reportUnknownMemberType]


def shrunk(picture: Pixels, side: int) -> Pixels:
    """Shrink a picture to a square by averaging areas."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def read_picture(file: Path) -> Pixels:
    """Read a picture file -> [H, W, 3]."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
