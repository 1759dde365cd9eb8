"""Paint docs/gallery with the embedded model and its defaults: one row a sentence, one column a seed; and large canvases.

    python scripts/gallery.py

The same machine gives the same bytes again. On another one rounding differs, and grows: most pictures look the same, in
some another sketch wins.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

import danqing
from danqing.pipeline import Pipeline

SENTENCES = (
    ("孤舟蓑笠翁，独钓寒江雪", "齐白石"),
    ("在宁静的风景中画一幅美丽的建筑画", None),
    ("夕阳下的灯塔，油画", None),
    ("竹林里的亭子，水墨画", None),
    ("梵高风格的星夜村庄", None),
    ("荷花，工笔画", None),
    ("雪山下的湖，水彩", None),
)
SEEDS = (5, 6, 7, 8)
SIDE = 128
"""Of a picture, in pixels: what the model learnt."""
LARGE = (
    ((SENTENCES[0], (384, 128)), (SENTENCES[2], (256, 128))),
    ((SENTENCES[4], (384, 128)), (SENTENCES[3], (256, 128))),
    ((SENTENCES[6], (384, 128)), (SENTENCES[1], (256, 128))),
    ((SENTENCES[0], (384, 256)), (SENTENCES[3], (256, 256))),
)
"""Rows of sentences and sizes, all painted with the first seed."""
FOLDER = Path(__file__).parent.parent / "docs" / "gallery"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    pipeline = danqing.load("danqing_mini", device="cpu")
    squares(pipeline)
    large(pipeline)


def squares(pipeline: Pipeline) -> None:
    """The grid of sentences by seeds, and how the first picture came about."""
    grid = Image.new("RGB", (SIDE * len(SEEDS), SIDE * len(SENTENCES)))
    for row, (sentence, artist) in enumerate(SENTENCES):
        for column, seed in enumerate(SEEDS):
            work = danqing.create(sentence, artist=artist, seed=seed, pipeline=pipeline, out=None)
            grid.paste(work[0].image, (column * SIDE, row * SIDE))
            if row == column == 0:
                work[0].save_gif(FOLDER / "process.gif")
    grid.save(FOLDER / "grid.png")


def large(pipeline: Pipeline) -> None:
    """Canvases larger than what the model learnt."""
    rows: list[Image.Image] = []
    for row in LARGE:
        pictures = [
            danqing.create(sentence, artist=artist, seed=SEEDS[0], size=size, pipeline=pipeline, out=None)[0].image
            for (sentence, artist), size in row
        ]
        rows.append(joined(pictures, across=True))
    joined(rows, across=False).save(FOLDER / "large.png")


def joined(pictures: Sequence[Image.Image], *, across: bool) -> Image.Image:
    """Pictures side by side, or one above the other."""
    widths, heights = [picture.width for picture in pictures], [picture.height for picture in pictures]
    whole = Image.new("RGB", (sum(widths), max(heights)) if across else (max(widths), sum(heights)))
    for number, picture in enumerate(pictures):
        whole.paste(picture, (sum(widths[:number]), 0) if across else (0, sum(heights[:number])))
    return whole


if __name__ == "__main__":
    main()
