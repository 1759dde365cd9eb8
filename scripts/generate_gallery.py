"""Paint the pictures of the documents with the embedded model and its default parameters.

    python scripts/generate_gallery.py
    python scripts/generate_gallery.py --pictures /tmp/pictures    # keep single pictures there and reuse them

Writes to docs/images: gallery.jpg (twelve sentences by four seeds, labelled), row.jpg (eight of them, for README), large.jpg (large
canvases) and process.gif. The labels need a Chinese font, for instance: apt-get install fonts-wqy-microhei.
The same machine gives the same pictures again.
"""

import argparse
import tempfile
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import danqing
from danqing.pipeline import Pipeline
from danqing.request import read_request
from danqing.zoo.catalog import MINI, models

SENTENCES: tuple[tuple[str, str | None], ...] = (
    ("孤舟蓑笠翁，独钓寒江雪", "齐白石"),
    ("梵高风格的星夜村庄", None),
    ("竹林里的亭子，水墨画", None),
    ("夕阳下的灯塔，油画", None),
    ("在宁静的风景中画一幅美丽的建筑画", None),
    ("大海上的帆船，浮世绘", "葛饰北斋"),
    ("满山红叶里的古寺，油画", None),
    ("雪山下的湖，水彩", None),
    ("荷花，工笔画", None),
    ("藤上葫芦", "齐白石"),
    ("雨中的石桥，水彩画", None),
    ("月夜的城堡，像素画", None),
)
SEEDS = (5, 6, 7, 8)
LARGE: tuple[tuple[tuple[int, tuple[int, int]], ...], ...] = (
    ((0, (3, 1)), (3, (2, 1))),
    ((1, (3, 1)), (2, (2, 1))),
    ((0, (3, 2)), (2, (2, 2))),
)
"""Rows of (sentence, width and height as multiples of the default size), all painted with the first seed."""
CELL, LABEL, GAP = 256, 34, 8  # pixels
PAPER, INK = (255, 255, 255), (40, 40, 40)
FONTS = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)
FOLDER = Path(__file__).parent.parent / "docs" / "images"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pictures", type=Path, help="folder for single pictures; those that exist are not painted again"
    )
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    find_font(20)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pictures = options.pictures or Path(folder)
        pictures.mkdir(parents=True, exist_ok=True)
        pipeline = danqing.load(MINI, device=options.device)
        save(gallery(pipeline, pictures), "gallery")
        save(front_row(pipeline, pictures), "row")
        save(large(pipeline, pictures), "large")
    work = danqing.create(SENTENCES[0][0], artist=SENTENCES[0][1], seed=SEEDS[0], pipeline=pipeline, out=None)
    work[0].save_gif(FOLDER / "process.gif")


def save(image: Image.Image, name: str) -> None:
    """Save a sheet as JPEG, which is a tenth of the size of PNG."""
    image.save(FOLDER / f"{name}.jpg", quality=88, optimize=True)


def gallery(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return all sentences by all seeds, with the sentence above each row."""
    sheet = Image.new("RGB", (len(SEEDS) * (CELL + GAP) - GAP, len(SENTENCES) * (CELL + LABEL + GAP)), PAPER)
    for row, (sentence, artist) in enumerate(SENTENCES):
        top = row * (CELL + LABEL + GAP)
        write(sheet, label(sentence, artist), (0, top))
        for column, seed in enumerate(SEEDS):
            sheet.paste(scaled(paint(pipeline, folder, row, seed)), (column * (CELL + GAP), top + LABEL))
    return sheet


def front_row(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return the first eight sentences with the first seed, four in a row, each with its sentence below."""
    across = 4
    sheet = Image.new("RGB", (across * (CELL + GAP) - GAP, 2 * (CELL + LABEL + GAP)), PAPER)
    for number, (sentence, artist) in enumerate(SENTENCES[: 2 * across]):
        left, top = number % across * (CELL + GAP), number // across * (CELL + LABEL + GAP)
        sheet.paste(scaled(paint(pipeline, folder, number, SEEDS[0])), (left, top))
        write(sheet, label(sentence, artist), (left, top + CELL), CELL)
    return sheet


def large(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return rows of canvases larger than the default, with the sentence and the size above each."""
    unit = CELL * 3 // 4
    rows: list[Image.Image] = []
    for row in LARGE:
        width = sum(across * unit + GAP for _, (across, _) in row) - GAP
        height = max(down for _, (_, down) in row) * unit
        strip = Image.new("RGB", (width, height + LABEL + GAP), PAPER)
        left = 0
        for number, factors in row:
            image = paint(pipeline, folder, number, SEEDS[0], factors)
            size = factors[0] * unit, factors[1] * unit
            write(strip, f"{label(*SENTENCES[number])} {image.width}x{image.height}", (left, 0), size[0])
            strip.paste(image.resize(size, Image.Resampling.LANCZOS), (left, LABEL))
            left += size[0] + GAP
        rows.append(strip)
    sheet = Image.new("RGB", (max(strip.width for strip in rows), sum(strip.height for strip in rows)), PAPER)
    top = 0
    for strip in rows:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def paint(pipeline: Pipeline, folder: Path, number: int, seed: int, factors: tuple[int, int] = (1, 1)) -> Image.Image:
    """Return one picture; painted only if the folder does not have it yet."""
    sentence, artist = SENTENCES[number]
    file = folder / f"{sentence}-{artist}-{seed}-{factors[0]}x{factors[1]}.png"
    if not file.exists():
        width, height = read_request({**models()[MINI].defaults, "prompts": sentence}).size
        size = factors[0] * width, factors[1] * height
        work = danqing.create(sentence, artist=artist, seed=seed, size=size, pipeline=pipeline, out=None)
        work[0].image.save(file)
    with Image.open(file) as image:
        return image.convert("RGB")


def scaled(image: Image.Image) -> Image.Image:
    return image.resize((CELL, CELL), Image.Resampling.LANCZOS)


def label(sentence: str, artist: str | None) -> str:
    return f"{sentence} · {artist}" if artist else sentence


def write(sheet: Image.Image, text: str, corner: tuple[int, int], width: int = 10**6) -> None:
    """Write a label, in smaller letters if it is wider than the space."""
    size = 20
    while size > 12 and find_font(size).getlength(text) > width:
        size -= 1
    ImageDraw.Draw(sheet).text((corner[0] + 2, corner[1] + LABEL // 2), text, INK, find_font(size), anchor="lm")


@cache
def find_font(size: int) -> ImageFont.FreeTypeFont:
    for path in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, size)
    raise SystemExit("No Chinese font found; install one, for instance: apt-get install fonts-wqy-microhei")


if __name__ == "__main__":
    main()
