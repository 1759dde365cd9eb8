"""Paint the pictures of docs/*/editing.md with the embedded model, and arrange them in figures.

    python scripts/generate_editing.py
    python scripts/generate_editing.py --quality draft --out /tmp/figures   # a first look, in a third of the time

Writes docs/images/editing-*.jpg, together less than 400 KB, and shows them below the comments in both documents that name them.
"""

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

import danqing
from danqing.pipeline import Pipeline
from danqing.results.artwork import Artwork
from danqing.results.branching import stored_steps

DOCS = Path(__file__).parent.parent / "docs"
IMAGES = DOCS / "images"
PLACE = re.compile(r"^<!-- (editing-\w+): (.+) -->\n(?:\n!\[.*\n)?", re.MULTILINE)
"""A comment with the name of a figure and its caption; below it, the figure if it is shown already."""
SCENE = "雪山下的湖，油画"
SEED = 4
CHANGED = "湖上的帆船，油画"
CHANGED_SEED = 5
BRANCHES = ("秋天的红叶，油画", "月夜的湖，油画")
VARIED = "秋天的红叶，山和湖，油画"
STRENGTHS = (0.2, 0.4, 0.6, 0.8)
FIGURES = ("inpainting", "outpainting", "scroll", "branches", "strengths")
SIDE = 200
"""Height of a picture in a figure, in pixels."""
GAP = 6
QUALITY = 82
"""Of the JPEG files."""


class Painter:
    """Paints with one loaded model.

    Args:
        quality: quality of the request.
        folder: for the pictures to start from.
    """

    def __init__(self, quality: str, folder: Path) -> None:
        self.pipeline: Pipeline = danqing.load("danqing_mini", device="cpu")
        self.quality = quality
        self.folder = folder

    def paint(self, prompt: str, *, out: Path | None = None, **options: object) -> Artwork:
        fields = {"quality": self.quality, "seed": SEED, "save": (), **options}
        return danqing.create(prompt, out=out, pipeline=self.pipeline, **fields)  # pyright: ignore[reportArgumentType]

    def store(self, image: Image.Image, name: str) -> str:
        """Return the path of a picture after writing it, to start from it."""
        file = self.folder / f"{name}.png"
        image.save(file)
        return str(file)


def main() -> None:
    """Paint all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", default="standard", choices=("draft", "standard", "fine"))
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--only", nargs="*", choices=FIGURES, default=FIGURES, help="figures to paint")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        painter = Painter(options.quality, Path(folder))
        run = painter.paint(SCENE, out=Path(folder), save=("steps",), display_rate=5)
        scene = painter.store(run[0].image, "scene")
        painters = {
            "inpainting": lambda: inpainting(painter, scene),
            "outpainting": lambda: outpainting(painter, scene),
            "scroll": lambda: scroll(painter, scene),
            "branches": lambda: branches(painter, run),
            "strengths": lambda: strengths(painter, scene),
        }
        for name in options.only:
            painters[name]().save(options.out / f"editing-{name}.jpg", quality=QUALITY, optimize=True)
    if options.out == IMAGES:
        show_figures()


def show_figures() -> None:
    """Show the figures in both documents."""
    for language in ("zh", "en"):
        page = DOCS / language / "editing.md"
        text = PLACE.sub(r"<!-- \1: \2 -->\n\n![\2](../images/\1.jpg)\n", page.read_text("utf-8"))
        page.write_text(text, "utf-8")


def inpainting(painter: Painter, scene: str) -> Image.Image:
    """Repaint a part of the lake: before, mask, after."""
    before = Image.open(scene)
    mask = Image.new("L", before.size)
    width, height = before.size
    ImageDraw.Draw(mask).ellipse((width // 4, height // 2, width * 7 // 8, height * 9 // 10), fill=255)
    changed = painter.paint(
        CHANGED, seed=CHANGED_SEED, init_image=scene, mask=painter.store(mask, "mask"), feather=width // 32
    )
    return row(before, mask, changed[0].image)


def outpainting(painter: Painter, scene: str) -> Image.Image:
    """Extend the canvas on both sides: before, what is painted (white), after."""
    before = Image.open(scene)
    width, height = before.size
    extended = painter.paint(
        SCENE, init_image=scene, extend=f"left:{width // 2},right:{width // 2}", feather=width // 16
    )
    mask = Image.new("L", (2 * width, height), 255)
    mask.paste(0, (width // 2, 0, width // 2 + width, height))
    return row(before, mask, extended[0].image)


def scroll(painter: Painter, scene: str) -> Image.Image:
    """Grow a scroll three times to the right; each row starts from the one above."""
    rows: list[Image.Image] = [Image.open(scene)]
    for number in range(3):
        source = painter.store(rows[-1], f"scroll-{number}")
        width = rows[0].width
        grown = painter.paint(SCENE, init_image=source, extend=f"right:{width // 2}", feather=width // 16, seed=number)
        rows.append(grown[0].image)
    return column(*(row(image, side=SIDE * 3 // 4) for image in rows))


def branches(painter: Painter, run: Artwork) -> Image.Image:
    """Branch an early and a later step with two prompts: the run, then one row for each prompt."""
    assert run.folder is not None, "the run is stored"
    steps = stored_steps(run.folder, 0)
    chosen = (steps[len(steps) // 4], steps[len(steps) // 2])
    rows = [row(run[0].image)]
    for prompt in BRANCHES:
        made = [danqing.branch(run.folder, at=at, out=None, pipeline=painter.pipeline, prompts=prompt) for at in chosen]
        rows.append(row(*(artwork[0].image for artwork in made)))
    return column(*rows)


def strengths(painter: Painter, scene: str) -> Image.Image:
    """Change all of the picture, more from left to right; the first is the original."""
    changed = [painter.paint(VARIED, init_image=scene, strength=strength)[0].image for strength in STRENGTHS]
    return row(Image.open(scene), *changed)


def row(*images: Image.Image, side: int = SIDE) -> Image.Image:
    """Arrange pictures side by side at the same height."""
    scaled = [
        image.convert("RGB").resize((round(image.width * side / image.height), side), Image.Resampling.LANCZOS)
        for image in images
    ]
    return _arrange(scaled, (1, 0))


def column(*images: Image.Image) -> Image.Image:
    """Arrange pictures below each other."""
    return _arrange(images, (0, 1))


def _arrange(images: Sequence[Image.Image], direction: tuple[int, int]) -> Image.Image:
    x, y = direction
    lengths = [image.width * x + image.height * y for image in images]
    across = max(image.width * y + image.height * x for image in images)
    total = sum(lengths) + GAP * (len(images) - 1)
    figure = Image.new("RGB", (total, across) if x else (across, total), "white")
    position = 0
    for image, length in zip(images, lengths, strict=True):
        figure.paste(image, (position * x, position * y))
        position += length + GAP
    return figure


if __name__ == "__main__":
    main()
