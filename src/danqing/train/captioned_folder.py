"""A user's own pictures: a folder of them, each with what it shows."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from danqing.errors import InvalidRequest
from danqing.train.dataset import Pixels, Sayings

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True)
class CaptionedFolder:
    """A user's own pictures: `name.txt` beside `name.png`, one caption a line, or `captions.jsonl` with lines
    {"file": "a.png", "caption": "…"}.

    pictures: [n, R, R, 3]; captions: at least one for each; the first is the full one.
    """

    pictures: Pixels
    captions: tuple[tuple[str, ...], ...]

    @classmethod
    def open(cls, folder: Path, resolution: int) -> "CaptionedFolder":
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
