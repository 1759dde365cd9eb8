"""Pictures of a user for training: a folder of pictures, each with captions."""

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image, ImageOps

from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.inputs.image_file import IMAGE_FORMATS, read_user_image
from danqing.inputs.text_file import read_user_text
from danqing.train.dataset import AttributeCaptions, Pixels

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
FORMATS = ("BMP", *IMAGE_FORMATS)
"""Accepted formats, as Pillow names them."""
MAX_BYTES = 64 * 2**20
"""Largest picture file."""

Captions = dict[Path, tuple[str, ...]]


@dataclass(frozen=True)
class CaptionedFolder:
    """Pictures with captions in a folder and its sub-folders.

    The captions of `name.png` are the lines of `name.txt`; or `captions.jsonl` contains lines
    {"file": "a.png", "caption": "…"}. Texts may have any encoding of `inputs.text_file`; hidden files are ignored.

    Attributes:
        pictures: [n, R, R, 3].
        captions: at least one for each picture; the first is the full one.
        notices: messages to the user, for example that pictures without captions were left out.
    """

    pictures: Pixels
    captions: tuple[tuple[str, ...], ...]
    notices: tuple[Text, ...] = ()

    @classmethod
    def open(cls, folder: Path, resolution: int) -> "CaptionedFolder":
        """Read every picture of a folder that has a caption, and crop its middle to a square.

        Args:
            folder: the folder.
            resolution: side of the squares in pixels.
        Raises:
            InvalidRequest: no picture has a caption, or a file cannot be read; the message contains its name.
        """
        files, captions, notices = _read_captions(folder)
        if not captions:
            raise InvalidRequest(
                f"{folder} 中没有带说明的图片。请在每张图片旁放一个同名的 .txt 文件，或写一个 captions.jsonl。",
                f"There are no captioned pictures in {folder}. Put a .txt of the same name beside each picture, or write "
                "captions.jsonl.",
            )
        if len(captions) < len(files):
            count = len(files) - len(captions)
            notices.append(
                Text(f"{count} 张图片没有说明，未使用。", f"{count} pictures without a caption are not used.")
            )
        squares: list[Pixels] = []
        changes: Counter[str] = Counter()
        for file in captions:
            loaded = read_user_image(file, FORMATS, max_bytes=MAX_BYTES)
            changes.update("picture" for _ in loaded.notices[:1])
            squares.append(np.asarray(ImageOps.fit(loaded.image, (resolution, resolution), Image.Resampling.LANCZOS)))
        if changes:
            count = changes["picture"]
            notices.append(
                Text(
                    f"{count} 张图片的透明部分改为白色，或颜色配置无法识别。",
                    f"The transparent parts of {count} pictures became white, or their colour profiles are unreadable.",
                )
            )
        return cls(np.stack(squares), tuple(captions.values()), tuple(notices))

    def unknown_characters(self, vocabulary: Path) -> str:
        """Return the characters of the captions that are not in a vocabulary; empty if there is no such file.

        A training keeps the vocabulary of its first run, so characters that are added later are not learned.
        """
        if not vocabulary.exists():
            return ""
        known = set(vocabulary.read_text("utf-8").splitlines())
        used = {character.lower() for captions in self.captions for caption in captions for character in caption}
        return "".join(sorted(character for character in used - known if not character.isspace()))

    def __len__(self) -> int:
        return len(self.captions)

    def pixels(self, index: int) -> Pixels:
        return self.pictures[index]

    def caption(self, index: int, rng: np.random.Generator) -> str:
        captions = self.captions[index]
        return captions[int(rng.integers(len(captions)))]

    def full_caption(self, index: int) -> str:
        return self.captions[index][0]

    def hard_negative(self, index: int, rng: np.random.Generator) -> str | None:  # noqa: ARG002
        return None

    def attributes(self, index: int) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    @property
    def attribute_captions(self) -> AttributeCaptions:
        return {}


def _read_captions(folder: Path) -> tuple[list[Path], Captions, list[Text]]:
    """Return the pictures of a folder, the captions of those that have some, and notices."""
    try:
        visible = [file for file in sorted(folder.rglob("*")) if not _is_hidden(file, folder)]
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidRequest(
            f"无法读取文件夹 {folder}：{reason}。", f"Cannot read the folder {folder}: {reason}."
        ) from error
    pictures = [file for file in visible if file.suffix.lower() in SUFFIXES]
    listing = folder / "captions.jsonl"
    notices: list[Text] = []
    if listing.exists():
        return pictures, _listed_captions(listing, pictures, notices), notices
    texts = {_key(file.with_suffix("")): file for file in visible if file.suffix.lower() == ".txt"}
    found = {file: texts[_key(file.with_suffix(""))] for file in pictures if _key(file.with_suffix("")) in texts}
    captions = {file: tuple(_lines(text, notices)) for file, text in found.items()}
    return pictures, {file: lines for file, lines in captions.items() if lines}, _merge_notices(notices)


def _listed_captions(listing: Path, pictures: Iterable[Path], notices: list[Text]) -> Captions:
    """Read captions.jsonl. Entries whose caption is empty or null are left out."""
    captions: defaultdict[Path, list[str]] = defaultdict(list)
    by_key = {_key(file): file for file in pictures}
    for number, line in enumerate(_lines(listing, notices), start=1):
        try:
            entry = cast("Mapping[str, object]", json.loads(line))
            name, caption = entry["file"], entry["caption"]
            if not isinstance(name, str) or not isinstance(caption, str | None):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidRequest(
                f'{listing} 第 {number} 行无效。每行应为 {{"file": "a.png", "caption": "雪山"}}。',
                f'Line {number} of {listing} is invalid. Write {{"file": "a.png", "caption": "雪山"}} on each line.',
            ) from error
        if caption and caption.strip():
            file = listing.parent / name
            captions[by_key.get(_key(file), file)].append(caption.strip())
    return {file: tuple(lines) for file, lines in sorted(captions.items())}


def _lines(file: Path, notices: list[Text]) -> list[str]:
    """Return the lines of a text file that are not blank."""
    content = read_user_text(file)
    if content.notice is not None:
        notices.append(content.notice)
    return [line.strip() for line in content.text.splitlines() if line.strip()]


def _merge_notices(notices: list[Text]) -> list[Text]:
    """Replace the notices of many caption files by the first and a count."""
    if len(notices) < 2:
        return notices
    rest = len(notices) - 1
    more = Text(f"另有 {rest} 个说明文件同样不是 UTF-8。", f"{rest} more caption files are not UTF-8 either.")
    return [notices[0], more]


def _key(path: Path) -> str:
    """Return a path in which equal names are equal: macOS stores accents as separate characters."""
    return unicodedata.normalize("NFC", str(path))


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
