"""Captioned training pictures made of stickers on painted landscapes and on paper, in every medium."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.captions import full_caption
from danqing.train.scenes import Scene, paint, sample, vocabulary
from danqing.train.scenes.attributes import Medium, Place, Time
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import SceneLayout
from danqing.train.stickers.emoji import Sticker, render
from danqing.train.stickers.npm_packages import PACKAGES

PAPER = 0.4  # share of the things met outdoors that are shown on paper
SAYINGS = ("{thing}，{medium}", "{medium}，{thing}", "画{thing}", "一幅{thing}的{medium}", "{thing}")
OUTSIDE = ("{where}的{thing}", "{thing}，{where}，{medium}", "{time}，{where}有{thing}", "{thing}，{medium}")
GREY = {Medium.INK: 0.75, Medium.SKETCH: 1.0}
DIM = {Time.NIGHT: 0.55, Time.DUSK: 0.85}


def compose(things: Sequence[Sticker], folder: Path, *, count: int, seed: int, size: int) -> None:
    """Write pictures, `captions.jsonl` and `LICENCES.md`.

    Args:
        things: what to show; every one as often as another.
        folder: made if it is missing.
        count: how many pictures.
        seed: another seed gives other pictures.
        size: side of the pictures in pixels.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        thing = things[int(rng.integers(len(things)))]
        scene = ground(rng, outdoors=thing.outdoors)
        file = f"pictures/{index:05d}.png"
        cv2.imwrite(str(folder / file), picture(thing, scene, rng, size)[..., ::-1])
        said = ({"file": file, "caption": text} for text in captions(thing, scene, rng))
        lines += [json.dumps(line, ensure_ascii=False) for line in said]
    (folder / "captions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "LICENCES.md").write_text(licences(), encoding="utf-8")


def ground(rng: np.random.Generator, *, outdoors: bool) -> Scene:
    """Draw the background of a sticker: paper, or for outdoor things also a landscape without a main subject."""
    scene = sample(rng)
    if not outdoors or rng.random() < PAPER:
        return Scene(scene.medium, scene.artist)
    while scene.subject is not None or scene.place is Place.SEA:
        scene = sample(rng)
    return replace(scene, building=None, boat=None, plant=None, birds=False)


def picture(thing: Sticker, scene: Scene, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Paint the scene and paste the sticker: [size, size, 3] RGB."""
    names = sorted(thing.drawings)
    svg = thing.drawings[names[int(rng.integers(len(names)))]]
    side = int(rng.integers(48, 70) if scene.place else rng.integers(80, 108))

    def paste(stage: SceneLayout) -> None:
        drawing = render(svg, side * stage.canvas.scale)
        if rng.random() < 0.5:
            drawing = drawing[:, ::-1]
        left = int(rng.integers(4, SIZE - side - 3))
        top = SIZE - side - int(rng.integers(6, 22)) if scene.place else int(rng.integers(6, SIZE - side - 5))
        _lay(stage, drawing, (top, left))

    return paint(scene, rng, size, paste=paste)


def captions(thing: Sticker, scene: Scene, rng: np.random.Generator) -> list[str]:
    """Return captions: the full one first, then two shorter ones."""
    medium = vocabulary.MEDIUM[scene.medium]
    said = {"thing": thing.name, "medium": medium[int(rng.integers(len(medium)))]}
    if scene.place is None:
        everything, forms = f"{thing.name}，{medium[0]}", SAYINGS
    else:
        everything, forms = f"{thing.name}，{full_caption(scene)}", OUTSIDE
        said |= {"where": vocabulary.BESIDE[scene.place][0], "time": vocabulary.TIME[scene.time or Time.DAY][0]}
    chosen = rng.permutation(len(forms))[:2]
    return [everything, *(forms[int(number)].format(**said) for number in chosen)]


def licences() -> str:
    """Return the text of LICENCES.md."""
    rows = "\n".join(f"| {p.name} {p.version} | {p.licence} | {p.origin} |" for p in PACKAGES)
    return (
        "# 许可 Licences\n\n这里的图含有下列作品的改作；用它们训练的权重若要发布，请一并说明出处。\n\n"
        "The pictures here are made with the works below; name them if you publish weights that were trained on them.\n\n"
        f"| npm | licence | origin |\n|---|---|---|\n{rows}\n\n"
        "背景和画法出自 danqing（Apache-2.0）。Grounds and media are danqing's own (Apache-2.0).\n"
    )


def _lay(stage: SceneLayout, drawing: NDArray[np.uint8], at: tuple[int, int]) -> None:
    """Blend a drawing in, grey where the medium has no colour, dim where it is dark."""
    scale = stage.canvas.scale
    side, (top, left) = len(drawing), (at[0] * scale, at[1] * scale)
    colours = drawing[..., :3].astype(np.float32)
    grey = GREY.get(stage.scene.medium, 0.0)
    colours = colours * (1 - grey) + colours.mean(2, keepdims=True) * grey
    colours *= DIM.get(stage.scene.time, 1.0) if stage.scene.time else 1.0
    sheet, mask = np.zeros(stage.canvas.pixels.shape, np.float32), stage.canvas.full(0.0)
    sheet[top : top + side, left : left + side] = colours
    mask[top : top + side, left : left + side] = drawing[..., 3].astype(np.float32) / 255
    stage.canvas.paint(mask, sheet)
