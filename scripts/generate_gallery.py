"""Paint the pictures of the documents with the embedded model and its default parameters.

    python scripts/generate_gallery.py
    python scripts/generate_gallery.py --pictures /tmp/pictures    # keep single pictures there and reuse them

Writes to docs/images: gallery.jpg (twelve sentences by four seeds, labelled), row.jpg (eight of them, for README), large.jpg (large
canvases), things.jpg (every thing in every medium), colours.jpg (colours and numbers) and failures.jpg (what the model cannot do).
The labels need a Chinese font, for instance: apt-get install fonts-wqy-microhei.
The same machine gives the same pictures again.
"""

import argparse
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import danqing
from danqing.pipeline import Pipeline
from danqing.request import read_request
from danqing.train.scenes import vocabulary
from danqing.train.scenes.attributes import ColourName, Medium, Subject
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
THINGS = [names[0] for table in (vocabulary.SUBJECT, vocabulary.BUILDING, vocabulary.BOAT) for names in table.values()]
COUNTED = (Subject.CAT, Subject.FISH, Subject.LANTERN, Subject.TEAPOT, Subject.HORSE)
"""Things of the sheet of colours and numbers, one after another."""
FAILURES = (
    "一只猫，工笔画",
    "两只白色的兔子，水彩画",
    "一头水牛在田野里，油画",
    "一只鹤，水墨画",
    "三只红色的灯笼，版画",
    "黎明的寺庙，油画",
    "雨中的竹林，水墨画",
    "月夜的城堡，像素画",
    "一位老人的肖像，油画",
    "书房里的桌子和椅子",
)
"""Sentences that the model paints badly, and subjects that it does not know."""
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
        save(things(pipeline), "things")
        save(colours(pipeline), "colours")
        save(failures(pipeline, pictures), "failures")


def save(image: Image.Image, name: str) -> None:
    """Save a sheet as JPEG, which is a tenth of the size of PNG."""
    image.save(FOLDER / f"{name}.jpg", quality=70 if name == "things" else 88, optimize=True)


def gallery(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return all sentences by all seeds, with the sentence above each row."""
    sheet = Image.new("RGB", (len(SEEDS) * (CELL + GAP) - GAP, len(SENTENCES) * (CELL + LABEL + GAP)), PAPER)
    for row, (sentence, artist) in enumerate(SENTENCES):
        top = row * (CELL + LABEL + GAP)
        write(sheet, label(sentence, artist), (0, top))
        for column, seed in enumerate(SEEDS):
            sheet.paste(scaled(paint(pipeline, folder, sentence, seed, artist)), (column * (CELL + GAP), top + LABEL))
    return sheet


def front_row(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return the first eight sentences with the second seed, four in a row."""
    return captioned_grid(pipeline, folder, SENTENCES[:8], 4, SEEDS[1])


def failures(pipeline: Pipeline, folder: Path) -> Image.Image:
    """Return one picture of each sentence that fails, five in a row."""
    return captioned_grid(pipeline, folder, [(sentence, None) for sentence in FAILURES], 5, SEEDS[0])


def captioned_grid(
    pipeline: Pipeline, folder: Path, sentences: Sequence[tuple[str, str | None]], across: int, seed: int
) -> Image.Image:
    """Return one picture of each sentence, some in a row, each with its sentence below."""
    down = -(-len(sentences) // across)
    sheet = Image.new("RGB", (across * (CELL + GAP) - GAP, down * (CELL + LABEL + GAP)), PAPER)
    for number, (sentence, artist) in enumerate(sentences):
        left, top = number % across * (CELL + GAP), number // across * (CELL + LABEL + GAP)
        sheet.paste(scaled(paint(pipeline, folder, sentence, seed, artist)), (left, top))
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
            sentence, artist = SENTENCES[number]
            image = paint(pipeline, folder, sentence, SEEDS[0], artist, factors)
            size = factors[0] * unit, factors[1] * unit
            write(strip, f"{label(sentence, artist)} {image.width}x{image.height}", (left, 0), size[0])
            strip.paste(image.resize(size, Image.Resampling.LANCZOS), (left, LABEL))
            left += size[0] + GAP
        rows.append(strip)
    sheet = Image.new("RGB", (max(strip.width for strip in rows), sum(strip.height for strip in rows)), PAPER)
    top = 0
    for strip in rows:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def things(pipeline: Pipeline) -> Image.Image:
    """Return every thing in every medium, a row for each thing, not enlarged."""
    media = [vocabulary.MEDIUM[medium][0] for medium in Medium]
    return table(pipeline, [[f"{thing}，{medium}" for medium in media] for thing in THINGS])


def colours(pipeline: Pipeline) -> Image.Image:
    """Return one to five things of ten colours, a row for each colour, not enlarged."""
    rows: list[list[str]] = []
    for number, colour in enumerate(ColourName):
        thing = COUNTED[number % len(COUNTED)]
        counted = [vocabulary.NUMBER[count][0] + vocabulary.MEASURE[thing][0] for count in range(1, 6)]
        name = f"{vocabulary.COLOUR[colour][0]}的{vocabulary.SUBJECT[thing][0]}"
        rows.append([f"{count}{name}，{vocabulary.MEDIUM[Medium.WATERCOLOUR][0]}" for count in counted])
    return table(pipeline, rows)


def table(pipeline: Pipeline, rows: list[list[str]]) -> Image.Image:
    """Return one small picture of each sentence at draft quality, with the sentence below."""
    side, line = read_request({**models()[MINI].defaults, "prompts": "画"}).canvas[0], LABEL // 2
    sheet = Image.new("RGB", (len(rows[0]) * (side + GAP) - GAP, len(rows) * (side + line + GAP)), PAPER)
    for row, sentences in enumerate(rows):
        for column, sentence in enumerate(sentences):
            work = danqing.create(sentence, seed=SEEDS[0], upscale=1, quality="draft", pipeline=pipeline, out=None)
            left, top = column * (side + GAP), row * (side + line + GAP)
            sheet.paste(work[0].image, (left, top))
            write(sheet, sentence, (left, top + side), side, line)
    return sheet


def paint(
    pipeline: Pipeline, folder: Path, sentence: str, seed: int, artist: str | None, factors: tuple[int, int] = (1, 1)
) -> Image.Image:
    """Return one picture; painted only if the folder does not have it yet."""
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


def write(sheet: Image.Image, text: str, corner: tuple[int, int], width: int = 10**6, height: int = LABEL) -> None:
    """Write a label, in smaller letters if it is wider than the space."""
    size = min(20, height - 3)
    while size > 10 and find_font(size).getlength(text) > width:
        size -= 1
    ImageDraw.Draw(sheet).text((corner[0] + 2, corner[1] + height // 2), text, INK, find_font(size), anchor="lm")


@cache
def find_font(size: int) -> ImageFont.FreeTypeFont:
    for path in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, size)
    raise SystemExit("No Chinese font found; install one, for instance: apt-get install fonts-wqy-microhei")


if __name__ == "__main__":
    main()
