"""Paint docs/gallery with the embedded model and its defaults: one row a sentence, one column a seed.

    python scripts/gallery.py

The same machine gives the same bytes again; another one the same pictures within rounding.
"""

from pathlib import Path

from PIL import Image

import danqing

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
FOLDER = Path(__file__).parent.parent / "docs" / "gallery"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    pipeline = danqing.load("danqing_mini", device="cpu")
    grid = Image.new("RGB", (SIDE * len(SEEDS), SIDE * len(SENTENCES)))
    for row, (sentence, artist) in enumerate(SENTENCES):
        for column, seed in enumerate(SEEDS):
            work = danqing.create(sentence, artist=artist, seed=seed, pipeline=pipeline, out=None)
            grid.paste(work[0].image, (column * SIDE, row * SIDE))
            if row == column == 0:
                work[0].save_gif(FOLDER / "process.gif")
    grid.save(FOLDER / "grid.png")


if __name__ == "__main__":
    main()
