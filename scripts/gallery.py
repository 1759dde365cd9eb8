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
SHOWN = 128
"""Side of a picture in the grid, in pixels: twice its own."""
FOLDER = Path(__file__).parent.parent / "docs" / "gallery"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    pipeline = danqing.load("danqing_mini", device="cpu")
    grid = Image.new("RGB", (SHOWN * len(SEEDS), SHOWN * len(SENTENCES)))
    for row, (sentence, artist) in enumerate(SENTENCES):
        for column, seed in enumerate(SEEDS):
            work = danqing.create(sentence, artist=artist, seed=seed, pipeline=pipeline, out=None)
            shown = work[0].image.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
            grid.paste(shown, (column * SHOWN, row * SHOWN))
            if row == column == 0:
                work[0].save_gif(FOLDER / "process.gif")
    grid.save(FOLDER / "grid.png")


if __name__ == "__main__":
    main()
