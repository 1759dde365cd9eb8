"""Contact sheet of painted scenes: a PNG, and an HTML page with the captions of every picture."""

import base64
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.captions import caption, full_caption
from danqing.train.scenes.shards import picture

GRID = 8  # rows and columns
GAP = 2  # pixels around each picture
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>danqing train scenes --seed {seed} --size {size}</title>
<style>
body {{ font: 13px/1.5 sans-serif; margin: 24px; color: #222; background: #f6f4ef }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 18px }}
figure {{ margin: 0 }}
img {{ width: 100%; image-rendering: auto }}
figcaption span {{ color: #888 }}
</style>
<main>
{figures}
</main>
"""
FIGURE = '<figure><img src="data:image/png;base64,{png}"><figcaption>{one}<br><span>{full}</span></figcaption></figure>'


def write_sheet(file: Path, *, seed: int, size: int) -> Path:
    """Paint 8x8 pictures of a training set.

    Captions are Chinese, and not every system has a font to draw them with; every browser has one.

    Args:
        file: the PNG to write.
        seed, size: as of `shards.write`, whose first 64 pictures are shown.
    Returns:
        the page with captions, beside the PNG: for each picture a random caption and the full one.
    """
    shown = [picture(index, seed=seed, size=size) for index in range(GRID * GRID)]
    framed = [np.pad(image, ((GAP, GAP), (GAP, GAP), (0, 0))) for _, image in shown]
    rows = [np.concatenate(framed[at : at + GRID], 1) for at in range(0, GRID * GRID, GRID)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_png(np.concatenate(rows, 0)))
    figures = [
        FIGURE.format(
            png=base64.b64encode(_png(image)).decode(),
            one=escape(caption(scene, np.random.default_rng([seed, index, 1]))),
            full=escape(full_caption(scene)),
        )
        for index, (scene, image) in enumerate(shown)
    ]
    page = file.with_suffix(".html")
    page.write_text(PAGE.format(seed=seed, size=size, figures="\n".join(figures)), encoding="utf-8")
    return page


def _png(image: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", image[..., ::-1])
    return encoded.tobytes()
