"""What is trained on: painted shards with their scenes, or a user's own folder of pictures with captions."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.train.captions import caption, distractors, full_caption
from danqing.train.scenes import Scene, words

Pixels = NDArray[np.uint8]
Places = NDArray[np.int64]
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
SIDED = frozenset("左右东西字")  # a caption with one of these may become untrue in the mirror
Sayings = Mapping[str, Mapping[str, tuple[str, ...]]]
"""For every kind of fact and every value of it, words that all say it: {"medium": {"ink": ("水墨画", "国画")}}."""
FAMILY = 8  # pictures of one group of kin
TABLES: Mapping[str, Mapping[Any, tuple[str, ...]]] = {
    "medium": words.MEDIUM,
    "artist": words.ARTIST,
    "subject": words.SUBJECT,
    "place": words.PLACE,
    "time": words.TIME,
    "season": words.SEASON,
    "weather": words.WEATHER,
    "mountain": words.MOUNTAIN,
    "building": words.BUILDING,
    "boat": words.BOAT,
    "plant": words.PLANT,
    "light": words.LIGHT,
}


class Corpus(Protocol):
    """Pictures and what is true of each."""

    def __len__(self) -> int:
        """How many pictures."""
        ...

    def pixels(self, place: int) -> Pixels:
        """Picture number `place`, [R, R, 3] RGB."""
        ...

    def caption(self, place: int, rng: np.random.Generator) -> str:
        """One of the things that can be said about it."""
        ...

    def full_caption(self, place: int) -> str:
        """All that can be said about it, always in the same words."""
        ...

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        """A caption that is almost true of it, but not quite; None where nothing is known about the picture."""
        ...

    def facts(self, place: int) -> Mapping[str, str]:
        """What is known about it, such as {"medium": "ink"}; empty where nothing is."""
        ...

    @property
    def sayings(self) -> Sayings:
        """The words for every fact that pictures of this corpus can have; empty where nothing is known."""
        ...


@dataclass(frozen=True)
class Painted:
    """Shards written by `python -m danqing.train.scenes --write`: pictures mapped into memory, scenes read.

    shards: the pictures, each [n, R, R, 3]; starts: number of the first picture of each shard.
    scenes: what each picture shows.
    """

    shards: tuple[Pixels, ...]
    starts: Places
    scenes: tuple[Scene, ...]

    @classmethod
    def open(cls, folder: Path) -> "Painted":
        """The shards of a folder, in the order of their names."""
        files = sorted(folder.glob("*.npy"))
        shards = tuple(np.load(file, mmap_mode="r") for file in files)
        starts = np.cumsum([0] + [len(shard) for shard in shards[:-1]])
        lines = (line for file in files for line in file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines())
        return cls(shards, starts, tuple(Scene.from_json(line) for line in lines))

    def __len__(self) -> int:
        return len(self.scenes)

    def pixels(self, place: int) -> Pixels:
        shard = int(np.searchsorted(self.starts, place, side="right")) - 1
        return self.shards[shard][place - self.starts[shard]]

    def caption(self, place: int, rng: np.random.Generator) -> str:
        return caption(self.scenes[place], rng)

    def full_caption(self, place: int) -> str:
        return full_caption(self.scenes[place])

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        return full_caption(distractors(self.scenes[place], rng, 1)[0])

    def facts(self, place: int) -> Mapping[str, str]:
        scene = self.scenes[place]
        return {kind: value for kind in TABLES if (value := getattr(scene, kind)) is not None}

    @property
    def sayings(self) -> Sayings:
        return TABLES


@dataclass(frozen=True)
class Album:
    """A user's own pictures: `name.txt` beside `name.png`, one caption a line, or `captions.jsonl` with lines
    {"file": "a.png", "caption": "…"}.

    pictures: [n, R, R, 3]; captions: at least one for each; the first is the full one.
    """

    pictures: Pixels
    captions: tuple[tuple[str, ...], ...]

    @classmethod
    def open(cls, folder: Path, resolution: int) -> "Album":
        """Every picture of a folder that has a caption, cut to a square from its middle.

        Raises:
            InvalidRequest: no picture has a caption, or a picture cannot be read.
        """
        captions = _captions(folder)
        if not captions:
            raise InvalidRequest(
                f"{folder} 里没有带说明的图片：请在每张图片旁放一个同名的 .txt，或写一个 captions.jsonl。",
                f"no captioned pictures in {folder}: put a .txt of the same name beside each, or write captions.jsonl.",
            )
        return cls(np.stack([_square(file, resolution) for file in captions]), tuple(captions.values()))

    def __len__(self) -> int:
        return len(self.captions)

    def pixels(self, place: int) -> Pixels:
        return self.pictures[place]

    def caption(self, place: int, rng: np.random.Generator) -> str:
        said = self.captions[place]
        return said[int(rng.integers(len(said)))]

    def full_caption(self, place: int) -> str:
        return self.captions[place][0]

    def rival(self, place: int, rng: np.random.Generator) -> str | None:  # noqa: ARG002
        return None

    def facts(self, place: int) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    @property
    def sayings(self) -> Sayings:
        return {}


@dataclass(frozen=True)
class Part:
    """Some of the pictures of a corpus, a corpus in itself."""

    whole: Corpus
    places: Places

    def __len__(self) -> int:
        return len(self.places)

    def pixels(self, place: int) -> Pixels:
        return self.whole.pixels(int(self.places[place]))

    def caption(self, place: int, rng: np.random.Generator) -> str:
        return self.whole.caption(int(self.places[place]), rng)

    def full_caption(self, place: int) -> str:
        return self.whole.full_caption(int(self.places[place]))

    def rival(self, place: int, rng: np.random.Generator) -> str | None:
        return self.whole.rival(int(self.places[place]), rng)

    def facts(self, place: int) -> Mapping[str, str]:
        return self.whole.facts(int(self.places[place]))

    @property
    def sayings(self) -> Sayings:
        return self.whole.sayings


def open_corpus(folder: Path, resolution: int) -> Corpus:
    """The pictures of a folder: painted shards if it has some, else a user's own.

    Raises:
        InvalidRequest: the folder holds neither, or shards of another size.
    """
    if not any(folder.glob("*.npy")):
        return Album.open(folder, resolution)
    painted = Painted.open(folder)
    side = painted.shards[0].shape[1]
    if side != resolution:
        raise InvalidRequest(
            f"{folder} 里的图片边长是 {side}，而这个配方要 {resolution}：请用 --size {resolution} 重新生成。",
            f"the pictures in {folder} have sides of {side}, the recipe wants {resolution}: write them with --size.",
        )
    return painted


def hold_out(corpus: Corpus, *, most: int = 512, seed: int = 0) -> tuple[Part, Part]:
    """Part a corpus into pictures to train on and pictures to judge by.

    Args:
        corpus: at least two pictures.
        most: pictures to hold out, but never more than a tenth (at least one).
        seed: which ones.
    """
    order = np.random.default_rng(seed).permutation(len(corpus))
    held = min(most, max(1, len(corpus) // 10))
    return Part(corpus, np.sort(order[held:])), Part(corpus, order[:held])


@dataclass(frozen=True)
class Families:
    """Pictures that share a fact, for batches in which pictures are hard to tell apart.

    members: for each fact, the pictures it is true of; facts of fewer than `FAMILY` pictures are left out.
    """

    size: int
    members: tuple[Places, ...]

    @classmethod
    def of(cls, corpus: Corpus) -> "Families":
        """The families of a corpus."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place in range(len(corpus)):
            for fact in corpus.facts(place).items():
                found[fact].append(place)
        return cls(len(corpus), tuple(np.array(places) for places in found.values() if len(places) >= FAMILY))

    def draw(self, batch: int, share: float, rng: np.random.Generator) -> Places:
        """Numbers of pictures in no order, none twice, a share of them in families; fewer only if there are fewer pictures."""
        groups = int(batch * share) // FAMILY if self.members else 0
        chosen = [rng.choice(self.members[int(rng.integers(len(self.members)))], FAMILY) for _ in range(groups)]
        places = np.unique(np.concatenate([np.empty(0, np.int64), *chosen]))
        while len(places) < min(batch, self.size):
            more = rng.integers(self.size, size=min(batch, self.size) - len(places))
            places = np.unique(np.concatenate([places, more]))
        return rng.permutation(places)


def load_batch(corpus: Corpus, places: Places, device: torch.device) -> Tensor:
    """Those pictures as [N, 3, R, R] in [0, 1] on the device."""
    pixels = np.stack([corpus.pixels(int(place)) for place in places])
    batch = torch.from_numpy(pixels).to(device)  # pyright: ignore[reportUnknownMemberType]
    return batch.permute(0, 3, 1, 2).float() / 255


def mirror(pictures: Tensor, captions: list[str], rng: np.random.Generator) -> Tensor:
    """Flip half of the pictures [N, 3, H, W] from left to right, but none whose caption speaks of sides or writing."""
    flips = [SIDED.isdisjoint(text) and rng.random() < 0.5 for text in captions]
    chosen = torch.tensor(flips, device=pictures.device)[:, None, None, None]
    return torch.where(chosen, pictures.flip(3), pictures)


def _captions(folder: Path) -> dict[Path, tuple[str, ...]]:
    listed = folder / "captions.jsonl"
    if listed.exists():
        return _listed(listed)
    pictures = (file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES)
    texts = {file: file.with_suffix(".txt") for file in pictures}
    said = {file: _lines(text) for file, text in texts.items() if text.exists()}
    return {file: lines for file, lines in said.items() if lines}


def _listed(listed: Path) -> dict[Path, tuple[str, ...]]:
    said: defaultdict[Path, list[str]] = defaultdict(list)
    for number, line in enumerate(_lines(listed), start=1):
        try:
            entry = json.loads(line)
            said[listed.parent / entry["file"]].append(str(entry["caption"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(
                f'{listed} 第 {number} 行读不懂：每行应像 {{"file": "a.png", "caption": "雪山"}}。',
                f'line {number} of {listed} is no caption: each is like {{"file": "a.png", "caption": "…"}}.',
            ) from error
    return {file: tuple(lines) for file, lines in sorted(said.items())}


def _lines(file: Path) -> tuple[str, ...]:
    """The lines of a UTF-8 text that hold something."""
    return tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def _square(file: Path, resolution: int) -> Pixels:
    try:
        with Image.open(file) as image:
            return np.asarray(ImageOps.fit(image.convert("RGB"), (resolution, resolution), Image.Resampling.LANCZOS))
    except OSError as error:
        raise InvalidRequest(
            f"读不了图片 {file}：请换成 PNG、JPEG 或 WebP，或把它移走。",
            f"cannot read {file}: replace it by a PNG, JPEG or WebP, or take it away.",
        ) from error
